-- Delete finished jobs for good, with their results.
-- KEYS
--   finished ZSET
-- ARGV
--   job_prefix: of the hashes of jobs
--   results_prefix: of the results of jobs
--   dependents_suffix: of the key of a job's dependents, after the key of its hash
--   queue
--   reason: of the event; empty for none
--   job_ids...: at most 200
-- Returns how many were deleted
-- Atomic: a job that was enqueued again under its id meanwhile leaves the registry, and its data stays.
local wrong = wrong_type({finished, audit, act, events})
if wrong then return wrong end
local deleted = 0
for _, job_id in ipairs(job_ids) do
    if redis.call('ZREM', finished, job_id) == 1 then
        local job = job_prefix .. job_id
        local is_hash = redis.call('TYPE', job).ok == 'hash'
        if not is_hash or redis.call('HGET', job, 'status') == 'finished' then
            redis.call('DEL', job, results_prefix .. job_id, job .. dependents_suffix)
        end
        deleted = deleted + 1
    end
end
if deleted > 0 then
    record_step(deleted)
    if reason ~= '' then record_event('purged', queue, deleted, reason) end
end
return deleted
