-- Take a dead letter or a canceled job out of its location: a part of the scripts that retry jobs, not a script itself.
-- KEYS none of its own
-- ARGV
--   fingerprint_field: field of a job's hash that has its fingerprint
-- Returns nothing. `leave_dead(id, job, at)` removes the job from all keys of the table `at`: failed, quarantine,
--   canceled, recoveries, claims, intermediate, causes, and cause_prefix of the dead letters by cause. `is_dead(id, at)`
--   tells whether one of them has it.
-- Atomic: the job is enqueued, or waits again, in the same step.
local function is_dead(id, at)
    return redis.call('ZSCORE', at.failed, id) or redis.call('HEXISTS', at.quarantine, id) == 1
        or redis.call('ZSCORE', at.canceled, id)
end

local function leave_dead(id, job, at)
    redis.call('ZREM', at.failed, id)
    redis.call('HDEL', at.quarantine, id)
    redis.call('ZREM', at.canceled, id)
    redis.call('HDEL', at.recoveries, id)
    redis.call('HDEL', at.claims, id)
    redis.call('LREM', at.intermediate, 0, id)
    redis.call('PERSIST', job)
    local fingerprint = redis.call('HGET', job, fingerprint_field)
    if not fingerprint then return end
    redis.call('HDEL', job, fingerprint_field, 'exc_info')
    local letters = at.cause_prefix .. fingerprint
    if redis.call('TYPE', letters).ok ~= 'zset' then return end
    redis.call('ZREM', letters, id)
    if redis.call('EXISTS', letters) == 0 then redis.call('HDEL', at.causes, fingerprint) end
end

