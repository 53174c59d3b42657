-- Record the run of a fast-path job as RQ does with every run, once it has lasted a while.
-- KEYS
--   started ZSET
--   worker HASH
--   execution HASH
--   executions ZSET of the job
--   worker_executions SET
--   intermediate LIST
-- ARGV
--   job_id
--   execution_id
--   worker_name
--   started_at: seconds
--   now: seconds
--   ttl: seconds
-- Returns 1 recorded, 0 the run is over
-- Atomic: a run that has ended or was taken away is not recorded, because nothing would remove the record.
local member = job_id .. ':' .. execution_id
if not redis.call('ZSCORE', started, member) then return 0 end
redis.call('HSET', execution, 'id', execution_id, 'job_id', job_id, 'created_at', started_at, 'last_heartbeat', now,
    'worker_name', worker_name)
redis.call('EXPIRE', execution, ttl)
redis.call('ZADD', executions, math.floor(now) + ttl + 60, execution_id)
redis.call('EXPIRE', executions, ttl + 60)
redis.call('SADD', worker_executions, member)
redis.call('EXPIRE', worker_executions, ttl + 60)
redis.call('HSET', worker, 'state', 'busy')
-- A prefetched job is in the intermediate list until it is known to run: no pause waits for it after this.
redis.pcall('LREM', intermediate, 1, job_id)
return 1
