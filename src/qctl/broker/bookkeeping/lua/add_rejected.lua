-- Record a rejected message or row: as a dead letter, or, if there are enough of its cause or no more room, by its count
-- alone. A job that has its id is a dead letter that is being retried, or is in the trash, and must not be recorded a
-- second time. Begins with budget.lua, which has the rest of its head.
-- KEYS
--   job HASH
--   failed ZSET
--   queues SET
--   causes HASH
--   letters ZSET of the dead letters of its cause
--   counts HASH of the hour
--   ingest HASH counters of the pipeline
--   tally HASH of the rejects that are counted alone
--   events STREAM
-- ARGV
--   job_id
--   queue
--   queue_key
--   fingerprint
--   cause: as JSON
--   source: topic or user, cut
--   now_ms
--   count_field: of the counts
--   counts_ttl: in seconds
--   max_events
--   max_samples: dead letters of one cause
--   max_causes: causes that are counted alone by their own name
--   budget_percent: of maxmemory
--   overhead: bytes of a dead letter beside its fields
--   reason
--   fields...: fields and values of the job
-- Returns 1 recorded, 0 a job with that id exists, 2 counted alone
-- Atomic: nobody can retry or restore the dead letter between the check and the write; no two sources use the last room.
if redis.call('EXISTS', job) == 1 then return 0 end
redis.call('HINCRBY', counts, count_field, 1)
redis.call('EXPIRE', counts, counts_ttl)
redis.call('HINCRBY', ingest, 'rejected', 1)

local bytes = tonumber(overhead)
for _, part in ipairs(fields) do bytes = bytes + #part end

local function has_room()
    if redis.call('ZCARD', letters) >= tonumber(max_samples) then return false end
    local limit = budget_limit(budget_percent)
    if budget_used(budget_kind) + bytes > limit then sweep(200) end
    return budget_used(budget_kind) + bytes <= limit
end

if not has_room() then
    local name, text = fingerprint, cause
    if redis.call('HEXISTS', tally, name .. '.count') == 0 and redis.call('HLEN', tally) >= 5 * max_causes then
        name, text = 'others', '{}'
    end
    redis.call('HINCRBY', tally, name .. '.count', 1)
    redis.call('HSETNX', tally, name .. '.first', now_ms)
    redis.call('HSETNX', tally, name .. '.cause', text)
    redis.call('HSET', tally, name .. '.last', now_ms, name .. '.source', source)
    redis.call('HINCRBY', ingest, 'counted', 1)
    return 2
end

redis.call('HSET', job, unpack(fields))
redis.call('ZADD', failed, -1, job_id)
redis.call('SADD', queues, queue_key)
redis.call('HSETNX', causes, fingerprint, cause)
redis.call('ZADD', letters, now_ms, job_id)
charge(job_id, bytes, queue)
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'rejected', 'queue', queue, 'job', job_id,
    'reason', reason)
return 1
