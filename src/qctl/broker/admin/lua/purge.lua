-- Delete the jobs at the head of a queue for good, with their results.
-- KEYS
--   waiting LIST
-- ARGV
--   limit: jobs to delete, at most 200
--   job_prefix: of the hashes of jobs
--   results_prefix: of the results of jobs
--   dependents_suffix: of the key of a job's dependents, after the key of its hash
--   counts_prefix: of the queue's counts
--   queue
-- Returns how many left the queue. A job that runs already, because its id was in the list twice, keeps its data.
-- Atomic: an id leaves the list in the step that deletes its data.
local wrong = wrong_type({waiting, audit, act, events})
if wrong then return wrong end
local depth = redis.call('LLEN', waiting)
local ids = depth > 0 and redis.call('LPOP', waiting, limit) or {}
for _, id in ipairs(ids) do
    local job = job_prefix .. id
    if redis.call('TYPE', job).ok ~= 'hash' or redis.call('HGET', job, 'status') ~= 'started' then
        redis.call('UNLINK', job, results_prefix .. id, job .. dependents_suffix)
    end
end
if #ids > 0 then
    count_removed(#ids, depth)
    record_step(#ids)
    record_event('purged', queue, #ids, '')
end
return #ids
