-- Put an orphan back to the tail of its queue.
-- KEYS
--   job HASH
--   waiting LIST
--   intermediate LIST
--   claims HASH
--   scheduled ZSET
--   executions ZSET of the job
--   quarantine HASH
--   queues SET
-- ARGV
--   job_id
--   queue
--   status: the status that it was found with
--   now: in RQ's format
--   maxlen: ids at each end of the queue that are searched for it
-- Returns 1 put back, 0 it is in a location, or its status has changed
-- Atomic: its locations are checked in the step that enqueues it, so that it is never in the queue twice.
local wrong = wrong_type({job, waiting, intermediate, claims, scheduled, executions, quarantine, queues, audit, act,
    events})
if wrong then return wrong end
if redis.call('HGET', job, 'status') ~= status then return 0 end
if redis.call('LPOS', waiting, job_id, 'MAXLEN', maxlen) then return 0 end
if redis.call('LPOS', waiting, job_id, 'RANK', -1, 'MAXLEN', maxlen) then return 0 end
if redis.call('LPOS', intermediate, job_id) then return 0 end
if redis.call('HEXISTS', claims, job_id) == 1 or redis.call('HEXISTS', quarantine, job_id) == 1 then return 0 end
if redis.call('ZSCORE', scheduled, job_id) or redis.call('EXISTS', executions) == 1 then return 0 end

redis.call('HSET', job, 'status', 'queued', 'enqueued_at', now, 'started_at', '', 'worker_name', '')
redis.call('RPUSH', waiting, job_id)
redis.call('SADD', queues, waiting)
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'recovered', 'queue', queue, 'job', job_id,
    'actor', actor, 'reason', 'orphan')
record_step(1)
return 1
