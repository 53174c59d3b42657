-- Check the rate limit of notifications to one receiver, by a sliding window, and count this notification.
-- KEYS[1] ZSET of notifications sent to the receiver
-- ARGV[1] id of the notification  ARGV[2] maximum in the window  ARGV[3] length of the window (ms)
-- Returns 1 allowed now or in an earlier call, 0 the limit is reached
-- Atomic: any number of workers stay below the limit together, and each notification counts once.
local wrong = wrong_type(KEYS, {'zset'})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
if redis.call('ZCOUNT', KEYS[1], '(' .. now - ARGV[3], '+inf') >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
