-- Add to the counters of topics. If the maximum is reached, a new topic replaces the one with the longest silence, if
-- that is long enough; otherwise it is counted as '' with all other topics.
-- KEYS
--   counters HASH topic -> `received rejected rate lag`
--   last_seen ZSET topic -> time of its last item (ms)
--   notes HASH topic -> JSON of what was not stored: `ignored` and `left_out` by name, `clocks`
--   pauses HASH topic -> its longest pauses by day
-- ARGV
--   max_topics
--   silence_ms: after which a topic is replaced
--   rate_window: time constant of the rates, in seconds
--   max_names: names that are counted for a topic; further ones are counted under the name '(others)'
-- ARGV topics[n]
--   name
--   received
--   rejected
--   ignored: messages that were neither stored nor rejected
--   lag: in ms, empty if unknown
--   notes: JSON as in the hash, empty if everything was stored
-- Returns the number of topics
-- Atomic: any number of bridges count in the same hash, and no two of them use the last free entry.
local wrong = wrong_type({counters, last_seen, notes, pauses})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function entry(topic)
    if topic == '' or redis.call('ZSCORE', last_seen, topic) then return topic end
    if redis.call('ZCARD', last_seen) < tonumber(max_topics) then return topic end
    local oldest = redis.call('ZRANGE', last_seen, 0, 0, 'WITHSCORES')
    if tonumber(oldest[2]) > now - silence_ms then return '' end
    redis.call('ZREM', last_seen, oldest[1])
    redis.call('HDEL', counters, oldest[1])
    redis.call('HDEL', notes, oldest[1])
    redis.call('HDEL', pauses, oldest[1])
    return topic
end

local function parsed(text)
    local ok, value = pcall(cjson.decode, text)
    return ok and type(value) == 'table' and value or {}
end

local function sum(stored, added)
    local total, names = {}, 0
    for name, count in pairs(type(stored) == 'table' and stored or {}) do
        total[name], names = count, names + 1
    end
    for name, count in pairs(added or {}) do
        if not total[name] and names >= tonumber(max_names) then name = '(others)' end
        if not total[name] then names = names + 1 end
        total[name] = (tonumber(total[name]) or 0) + count
    end
    return names > 0 and total or nil
end

local function add_notes(topic, text)
    local stored, added = parsed(redis.call('HGET', notes, topic) or ''), parsed(text)
    redis.call('HSET', notes, topic, cjson.encode({
        ignored = sum(stored.ignored, added.ignored),
        left_out = sum(stored.left_out, added.left_out),
        clocks = (tonumber(stored.clocks) or 0) + (added.clocks or 0),
    }))
end

for n = 1, topics_count do
    local added = topics_at(n)
    local topic = entry(added.name)
    local before = redis.call('HGET', counters, topic) or ''
    local received, rejected, rate, lag = string.match(before, '^(%d+) (%d+) (%S+) (%S*)$')
    local seen = tonumber(redis.call('ZSCORE', last_seen, topic) or '')
    local elapsed = math.max(0, now - (seen or now)) / 1000
    if seen and topic ~= '' then
        redis.call('HSET', pauses, topic, pauses_after(redis.call('HGET', pauses, topic), elapsed * 1000, now))
    end
    local count = added.received + added.rejected + added.ignored
    rate = (tonumber(rate or '0') or 0) * math.exp(-elapsed / rate_window) + count / rate_window
    if added.lag ~= '' then lag = added.lag end
    redis.call('HSET', counters, topic, string.format('%.0f %.0f %.5f %s',
        (received or 0) + added.received, (rejected or 0) + added.rejected, rate, lag or ''))
    redis.call('ZADD', last_seen, now, topic)
    if added.notes ~= '' then add_notes(topic, added.notes) end
end
return redis.call('ZCARD', last_seen)
