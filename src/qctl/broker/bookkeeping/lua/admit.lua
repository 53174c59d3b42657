-- Let a receiver be sent a note, where they were not sent too many within a window.
-- KEYS[1] ZSET of the notes that they were sent
-- ARGV[1] id of the note  ARGV[2] most notes in the window  ARGV[3] the window (ms)
-- Returns 1 it may be sent, or was let through already, 0 there are too many
-- Atomic: any number of workers of one receiver stay below the limit, and a note counts once.
local found = redis.call('TYPE', KEYS[1]).ok
if found ~= 'none' and found ~= 'zset' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[1] .. ' is a ' .. found .. ', not a zset')
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
if redis.call('ZCOUNT', KEYS[1], '(' .. now - ARGV[3], '+inf') >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
