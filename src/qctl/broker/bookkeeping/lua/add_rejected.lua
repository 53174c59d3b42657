-- Record a rejected message or row as a dead letter, unless a job with that id exists: a dead letter that is being
-- retried, or is in the trash, must not be recorded a second time.
-- KEYS[1] HASH job  KEYS[2] ZSET failed  KEYS[3] STREAM results of the job  KEYS[4] SET of queues
--   KEYS[5] HASH causes  KEYS[6] ZSET cause  KEYS[7] HASH counts of the hour  KEYS[8] STREAM of events
--   KEYS[9] HASH counters of the pipeline
-- ARGV[1] id  ARGV[2] queue key  ARGV[3] fingerprint  ARGV[4] the cause as JSON  ARGV[5] now (ms)
--   ARGV[6] field of the counts  ARGV[7] TTL of the counts (s)  ARGV[8] cap of the stream  ARGV[9] queue
--   ARGV[10] reason  ARGV[11] number of fields of the job, then these as pairs, then the pairs of the result
-- Returns 1 recorded, 0 a job with that id exists
-- Atomic: nobody can retry or restore the dead letter between the check and the write.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local field_count = tonumber(ARGV[11])
redis.call('HSET', KEYS[1], unpack(ARGV, 12, 11 + 2 * field_count))
redis.call('XADD', KEYS[3], '*', unpack(ARGV, 12 + 2 * field_count))
redis.call('ZADD', KEYS[2], -1, ARGV[1])
redis.call('SADD', KEYS[4], ARGV[2])
redis.call('HSETNX', KEYS[5], ARGV[3], ARGV[4])
redis.call('ZADD', KEYS[6], ARGV[5], ARGV[1])
redis.call('HINCRBY', KEYS[7], ARGV[6], 1)
redis.call('EXPIRE', KEYS[7], ARGV[7])
redis.call('HINCRBY', KEYS[9], 'rejected', 1)
redis.call('XADD', KEYS[8], 'MAXLEN', '~', ARGV[8], '*', 'event', 'rejected', 'queue', ARGV[9], 'job', ARGV[1],
    'reason', ARGV[10])
return 1
