-- Record that the working loop of a daemon goes on, by Redis's clock.
-- KEYS
--   heartbeats HASH
-- ARGV
--   name: of the source, the same for every process that takes its place
--   instance: of the process
--   description: JSON {daemon, pipeline, host, pid}
--   state
--   reason: of the state
--   forget_ms: age of a heartbeat that a new process deletes
-- Returns nothing
-- Atomic: two processes of one name see each other, and the beginning of a state is kept.
local wrong = wrong_type({heartbeats})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function parse(text)
    local good, record = pcall(cjson.decode, text or '')
    return good and type(record) == 'table' and record or {}
end

local before = parse(redis.call('HGET', heartbeats, name))
local record = parse(description)
record.instance, record.state, record.reason, record.at = instance, state, reason, now
record.since = before.instance == instance and before.state == state and before.since or now
record.began = before.instance == instance and before.began or now
record.previous, record.rival_at = before.previous, before.rival_at
if before.instance and before.instance ~= instance then
    -- A successor alone is a restart. If the predecessor beats again, both run.
    if before.previous == instance and before.state ~= 'stopped' then record.rival_at = now end
    record.previous = before.instance
end
if before.instance ~= instance then
    local all = redis.call('HGETALL', heartbeats)
    for n = 1, #all, 2 do
        if now - (tonumber(parse(all[n + 1]).at) or 0) > tonumber(forget_ms) then
            redis.call('HDEL', heartbeats, all[n])
        end
    end
end
redis.call('HSET', heartbeats, name, cjson.encode(record))
