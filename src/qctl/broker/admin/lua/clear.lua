-- Move waiting jobs from the head of a queue to the tail of a trash batch.
-- KEYS
--   waiting LIST
--   batch_jobs LIST
--   batch HASH
--   batches ZSET
-- ARGV
--   limit: jobs to move, at most 200
--   job_prefix: of the hashes of jobs
--   counts_prefix: of the queue's counts
--   batch_id
--   batch_field: field of a job's hash that has its batch
--   changed_field: field of a job's hash that has the time of its removal
--   unfinished_field: field of the batch while its action runs
--   expires_ms: when the batch expires
--   queue
--   record...: fields and values of the batch
-- Returns how many were moved
-- Atomic: a job is in the queue or in the trash, never in both or neither, and no batch has a job without its record.
--   The event and the audit entry are written in the step that they describe.
local wrong = wrong_type({waiting, batch_jobs, batch, batches, audit, act, events})
if wrong then return wrong end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local depth = redis.call('LLEN', waiting)
local ids = depth > 0 and redis.call('LPOP', waiting, limit) or {}
if #ids == 0 then return 0 end
redis.call('RPUSH', batch_jobs, unpack(ids))
redis.call('HSET', batch, unfinished_field, '1', unpack(record))
redis.call('ZADD', batches, expires_ms, batch_id)
for _, id in ipairs(ids) do
    local job = job_prefix .. id
    -- An id that is in the list twice may run already: its hash belongs to its worker then.
    if redis.call('TYPE', job).ok == 'hash' and redis.call('HGET', job, 'status') ~= 'started' then
        redis.call('HSET', job, 'status', 'canceled', batch_field, batch_id, changed_field, now_ms)
    end
end
count_removed(#ids, depth)
record_step(#ids)
record_event('cleared', queue, #ids, 'trash ' .. batch_id)
return #ids
