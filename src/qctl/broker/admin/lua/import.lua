-- Put a job back into the location from which it was exported, unless its id is in use.
-- KEYS
--   job HASH
--   results STREAM
--   location LIST waiting, ZSET of a state, or HASH quarantine
--   causes HASH
--   letters ZSET of the dead letters of its cause
--   queues SET
-- ARGV
--   job_id
--   queue
--   queue_key
--   location_type: `list`, `zset` or `hash`
--   entry: its score in the location, or its note
--   fingerprint: empty if its cause is not in the index
--   died_ms: when it died
--   cause: the cause as the index has it
--   expires_ms: when the job expires, 0 for never
--   results_expire_ms: when its results expire, 0 for never
--   fields...: fields and values of its hash
--   attempts...: for each result its id, the number of fields and values, and those
-- Returns `done` · `exists` there is such a job, or its id is in that location
-- Atomic: a job is there whole or not at all, and is never imported twice.
local wrong = wrong_type({location}, location_type) or wrong_type({causes, letters, queues, audit, act, events})
if wrong then return wrong end
if redis.call('EXISTS', job, results) > 0 then return 'exists' end
if location_type == 'zset' and redis.call('ZSCORE', location, job_id) then return 'exists' end
if location_type == 'hash' and redis.call('HEXISTS', location, job_id) == 1 then return 'exists' end

if #fields > 0 then redis.call('HSET', job, unpack(fields)) end
local at = 1
while at <= #attempts do
    local last = at + 1 + tonumber(attempts[at + 1])
    redis.call('XADD', results, attempts[at], unpack(attempts, at + 2, last))
    at = last + 1
end
if expires_ms ~= '0' then redis.call('PEXPIREAT', job, expires_ms) end
if results_expire_ms ~= '0' then redis.call('PEXPIREAT', results, results_expire_ms) end

if location_type == 'list' then
    redis.call('RPUSH', location, job_id)
elseif location_type == 'hash' then
    redis.call('HSET', location, job_id, entry)
else
    redis.call('ZADD', location, entry, job_id)
end
if fingerprint ~= '' then
    redis.call('HSETNX', causes, fingerprint, cause)
    redis.call('ZADD', letters, died_ms, job_id)
end
redis.call('SADD', queues, queue_key)
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'imported', 'queue', queue, 'job', job_id,
    'actor', actor)
record_step(1)
return 'done'
