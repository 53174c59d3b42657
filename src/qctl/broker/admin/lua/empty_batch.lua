-- Delete the jobs at the head of a trash batch for good, with their results.
-- KEYS
--   batch_jobs LIST
--   batch HASH
--   batches ZSET
--   origins HASH of where the batch's jobs came from
-- ARGV
--   limit: jobs to delete, at most 200
--   job_prefix: of the hashes of jobs
--   results_prefix: of the results of jobs
--   dependents_suffix: of the key of a job's dependents, after the key of its hash
--   batch_id
--   batch_field: field of a job's hash that has its batch
--   queue: empty if the batch does not say
-- Returns how many left the batch. A job that was enqueued again meanwhile keeps its data.
-- Atomic: an id leaves the batch in the step that deletes its data. The emptied batch goes in the same step.
local wrong = wrong_type({batch_jobs, batch, batches, origins, audit, act, events})
if wrong then return wrong end
local count = redis.call('LLEN', batch_jobs)
local ids = count > 0 and redis.call('LPOP', batch_jobs, limit) or {}
for _, id in ipairs(ids) do
    local job = job_prefix .. id
    local is_discarded = true
    if redis.call('TYPE', job).ok == 'hash' then
        local fields = redis.call('HMGET', job, 'status', batch_field)
        is_discarded = fields[1] == 'canceled' and fields[2] == batch_id
    end
    redis.call('HDEL', origins, id)
    if is_discarded then redis.call('UNLINK', job, results_prefix .. id, job .. dependents_suffix) end
end
if #ids > 0 then
    record_step(#ids)
    record_event('purged', queue, #ids, 'trash ' .. batch_id)
end
if count == #ids then
    redis.call('DEL', batch, origins)
    redis.call('ZREM', batches, batch_id)
end
return #ids
