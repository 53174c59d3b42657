-- Record a rejected message or row as a dead letter, unless a job with that id exists: a dead letter that is being
-- retried, or is in the trash, must not be recorded a second time.
-- KEYS
--   job HASH
--   failed ZSET
--   results STREAM
--   queues SET
--   causes HASH
--   letters ZSET of the dead letters of its cause
--   counts HASH of the hour
--   ingest HASH counters of the pipeline
--   events STREAM
-- ARGV
--   job_id
--   queue
--   queue_key
--   fingerprint
--   cause: as JSON
--   now_ms
--   count_field: of the counts
--   counts_ttl: in seconds
--   max_events
--   reason
--   fields...: fields and values of the job
--   result...: fields and values of its result
-- Returns 1 recorded, 0 a job with that id exists
-- Atomic: nobody can retry or restore the dead letter between the check and the write.
if redis.call('EXISTS', job) == 1 then return 0 end
redis.call('HSET', job, unpack(fields))
redis.call('XADD', results, '*', unpack(result))
redis.call('ZADD', failed, -1, job_id)
redis.call('SADD', queues, queue_key)
redis.call('HSETNX', causes, fingerprint, cause)
redis.call('ZADD', letters, now_ms, job_id)
redis.call('HINCRBY', counts, count_field, 1)
redis.call('EXPIRE', counts, counts_ttl)
redis.call('HINCRBY', ingest, 'rejected', 1)
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'rejected', 'queue', queue, 'job', job_id,
    'reason', reason)
return 1
