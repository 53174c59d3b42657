-- Record a plain job's run as RQ does with every run, once it has lasted a while.
-- KEYS[1] ZSET started  KEYS[2] HASH worker  KEYS[3] HASH execution  KEYS[4] ZSET executions of the job
--   KEYS[5] SET of the worker's executions  KEYS[6] LIST intermediate
-- ARGV[1] job  ARGV[2] id of the execution  ARGV[3] worker  ARGV[4] when it started (s)  ARGV[5] now (s)
--   ARGV[6] time to live (s)
-- Returns 1 recorded, 0 the run is over
-- Atomic: nothing is recorded of a run that has ended or was taken away, which nobody would remove.
local member = ARGV[1] .. ':' .. ARGV[2]
if not redis.call('ZSCORE', KEYS[1], member) then return 0 end
redis.call('HSET', KEYS[3], 'id', ARGV[2], 'job_id', ARGV[1], 'created_at', ARGV[4], 'last_heartbeat', ARGV[5],
    'worker_name', ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[6])
redis.call('ZADD', KEYS[4], math.floor(ARGV[5]) + ARGV[6] + 60, ARGV[2])
redis.call('EXPIRE', KEYS[4], ARGV[6] + 60)
redis.call('SADD', KEYS[5], member)
redis.call('EXPIRE', KEYS[5], ARGV[6] + 60)
redis.call('HSET', KEYS[2], 'state', 'busy')
-- It is there where it was started together with one before it: a pause waits for it no longer.
redis.pcall('LREM', KEYS[6], 1, ARGV[1])
return 1
