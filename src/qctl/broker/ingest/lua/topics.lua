-- Add to what is counted of topics, and note when each was seen. A new topic, where there are as many as may be, takes
-- the place of the one that was not seen for longest, if that was long ago; else it is counted among the others, ''.
-- KEYS[1] HASH topic -> `received rejected rate lag`  KEYS[2] ZSET topic -> last seen (ms)
-- ARGV[1] most topics  ARGV[2] silence after which a topic gives way (ms)  ARGV[3] time constant of the rates (s)
--   then four a topic: its name, received, rejected, lag (ms), empty where it is not known
-- Returns how many topics there are
-- Atomic: any number of bridges count in the same hash, and two cannot both take the last place.
for n, kind in ipairs({'hash', 'zset'}) do
    local found = redis.call('TYPE', KEYS[n]).ok
    if found ~= 'none' and found ~= kind then
        return redis.error_reply('WRONGTYPE ' .. KEYS[n] .. ' is a ' .. found .. ', not a ' .. kind)
    end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function place(topic)
    if topic == '' or redis.call('ZSCORE', KEYS[2], topic) then return topic end
    if redis.call('ZCARD', KEYS[2]) < tonumber(ARGV[1]) then return topic end
    local silent = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
    if tonumber(silent[2]) > now - ARGV[2] then return '' end
    redis.call('ZREM', KEYS[2], silent[1])
    redis.call('HDEL', KEYS[1], silent[1])
    return topic
end

for n = 4, #ARGV, 4 do
    local topic = place(ARGV[n])
    local before = redis.call('HGET', KEYS[1], topic) or ''
    local received, rejected, rate, lag = string.match(before, '^(%d+) (%d+) (%S+) (%S*)$')
    local seen = tonumber(redis.call('ZSCORE', KEYS[2], topic) or now)
    local passed = math.max(0, now - seen) / 1000
    local came = ARGV[n + 1] + ARGV[n + 2]
    rate = (tonumber(rate or '0') or 0) * math.exp(-passed / ARGV[3]) + came / ARGV[3]
    if ARGV[n + 3] ~= '' then lag = ARGV[n + 3] end
    redis.call('HSET', KEYS[1], topic, string.format('%.0f %.0f %.5f %s',
        (received or 0) + ARGV[n + 1], (rejected or 0) + ARGV[n + 2], rate, lag or ''))
    redis.call('ZADD', KEYS[2], now, topic)
end
return redis.call('ZCARD', KEYS[2])
