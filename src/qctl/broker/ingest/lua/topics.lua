-- Add to the counters of topics. If the maximum is reached, a new topic replaces the one with the longest silence, if
-- that is long enough; otherwise it is counted as '' with all other topics.
-- KEYS[1] HASH topic -> `received rejected rate lag`  KEYS[2] ZSET topic -> last seen (ms)
-- ARGV[1] maximum number of topics  ARGV[2] silence after which a topic is replaced (ms)
--   ARGV[3] time constant of the rates (s)
--   then four for each topic: its name, received, rejected, lag (ms), empty if unknown
-- Returns the number of topics
-- Atomic: any number of bridges count in the same hash, and no two of them use the last free entry.
local wrong = wrong_type(KEYS, {'hash', 'zset'})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function entry(topic)
    if topic == '' or redis.call('ZSCORE', KEYS[2], topic) then return topic end
    if redis.call('ZCARD', KEYS[2]) < tonumber(ARGV[1]) then return topic end
    local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
    if tonumber(oldest[2]) > now - ARGV[2] then return '' end
    redis.call('ZREM', KEYS[2], oldest[1])
    redis.call('HDEL', KEYS[1], oldest[1])
    return topic
end

for n = 4, #ARGV, 4 do
    local topic = entry(ARGV[n])
    local before = redis.call('HGET', KEYS[1], topic) or ''
    local received, rejected, rate, lag = string.match(before, '^(%d+) (%d+) (%S+) (%S*)$')
    local seen = tonumber(redis.call('ZSCORE', KEYS[2], topic) or now)
    local elapsed = math.max(0, now - seen) / 1000
    local count = ARGV[n + 1] + ARGV[n + 2]
    rate = (tonumber(rate or '0') or 0) * math.exp(-elapsed / ARGV[3]) + count / ARGV[3]
    if ARGV[n + 3] ~= '' then lag = ARGV[n + 3] end
    redis.call('HSET', KEYS[1], topic, string.format('%.0f %.0f %.5f %s',
        (received or 0) + ARGV[n + 1], (rejected or 0) + ARGV[n + 2], rate, lag or ''))
    redis.call('ZADD', KEYS[2], now, topic)
end
return redis.call('ZCARD', KEYS[2])
