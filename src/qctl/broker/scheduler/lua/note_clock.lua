-- Note Redis's time. If it went back since the last note, note the step until its times are moved, and shorten leases.
-- KEYS
--   clock HASH
--   leases ZSET
-- ARGV
--   min_step_ms: a shorter step is ignored
--   lease_ms: longest lease
-- Returns {before, after} of a step whose times are not moved yet, in milliseconds; {} if there is none
-- Atomic: two schedulers note one step once, and one that is killed leaves it for the next.
local wrong = wrong_type({clock, leases})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(ms) return string.format('%.0f', ms) end

local noted = redis.call('HMGET', clock, 'at', 'before', 'after')
local at, before, after = tonumber(noted[1]) or now, noted[2], noted[3]
if at - now >= tonumber(min_step_ms) then
    before, after = before or text(at), text(now)
    redis.call('HSET', clock, 'before', before, 'after', after)
    -- The lease of a dead worker would protect its jobs until the clock is where it was.
    local longest = now + tonumber(lease_ms)
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', leases, '(' .. text(longest), '+inf')) do
        redis.call('ZADD', leases, longest, name)
    end
end
redis.call('HSET', clock, 'at', text(now))
return before and {tonumber(before), tonumber(after)} or {}
