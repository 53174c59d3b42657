-- Start a claimed job, unless the claim has been taken away meanwhile.
-- KEYS
--   job HASH
--   intermediate LIST
--   claims HASH
--   worker HASH
--   events STREAM
-- ARGV
--   job_id
--   claimant
--   now: in RQ's format
--   worker_name
--   worker_ttl: seconds
--   queue
--   max_events
--   trace: the trace id, empty if none
-- Returns 1 started, 0 the claim is no longer the claimant's
-- Atomic: a worker that slept past its lease cannot start a job that was given to another, and a pause that waits for
--   the claim sees it either in the intermediate list or started.
if not is_claimed() then return 0 end
redis.call('HSET', job, 'status', 'started', 'started_at', now, 'last_heartbeat', now, 'worker_name', worker_name)
redis.call('PERSIST', job)
redis.call('LREM', intermediate, -1, job_id)
redis.call('HSET', worker, 'last_heartbeat', now)
redis.call('EXPIRE', worker, worker_ttl)
local event = {'XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'started', 'queue', queue, 'job', job_id,
    'worker', worker_name}
if trace ~= '' then
    event[#event + 1] = 'trace'
    event[#event + 1] = trace
end
redis.call(unpack(event))
return 1
