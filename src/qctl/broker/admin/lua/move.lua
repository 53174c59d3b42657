-- Move jobs to the same location of another queue, waiting ones to its tail. Begins with take_jobs.lua, which has the
-- rest of its head.
-- KEYS
--   target_location LIST waiting, ZSET of a state, or HASH quarantine
--   target_causes HASH
--   queues SET
-- ARGV
--   target: the other queue
--   target_key
--   moved_from_field: field of a job's hash that has the queue it was moved from
--   target_cause_prefix: of the sorted sets of the other queue's dead letters by cause
-- Returns what take_jobs.lua returns
-- Atomic: a job leaves one queue in the step that puts it into the other.
local wrong = wrong_location() or wrong_type({target_location}, location_type) or wrong_type({target_causes, queues})
if wrong then return wrong end
return take_each(function(id, job, origin)
    if job then
        local from = redis.call('HGET', job, moved_from_field)
        redis.call('HSET', job, 'origin', target)
        -- A job that goes back to its first queue counts as never moved.
        if from == target then
            redis.call('HDEL', job, moved_from_field)
        else
            redis.call('HSET', job, moved_from_field, queue)
        end
    end
    if location_type == 'list' then
        redis.call('RPUSH', target_location, id)
    elseif location_type == 'hash' then
        redis.call('HSET', target_location, id, origin.note)
    else
        redis.call('ZADD', target_location, origin.score, id)
    end
    local letters = origin.died and target_cause_prefix .. origin.fingerprint
    if letters and (redis.call('TYPE', letters).ok == 'none' or redis.call('TYPE', letters).ok == 'zset') then
        redis.call('ZADD', letters, origin.died, id)
        if origin.cause then redis.call('HSET', target_causes, origin.fingerprint, origin.cause) end
    end
    redis.call('SADD', queues, target_key)
    record('moved', id, 'to ' .. target)
end)
