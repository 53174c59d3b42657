-- Delete results without a job for good.
-- KEYS none of its own
-- ARGV
--   job_prefix: of the hashes of jobs
--   results_prefix: of the results of jobs
--   job_ids...: at most 200
-- Returns how many were deleted
-- Atomic: the results of a job that was enqueued again under its id meanwhile stay, and the record is written with it.
local wrong = wrong_type({audit, act, events})
if wrong then return wrong end
local deleted = 0
for _, job_id in ipairs(job_ids) do
    if redis.call('EXISTS', job_prefix .. job_id) == 0 then
        deleted = deleted + redis.call('UNLINK', results_prefix .. job_id)
    end
end
if deleted > 0 then
    record_step(deleted)
    record_event('purged', '', deleted, 'results without a job')
end
return deleted
