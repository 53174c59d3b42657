-- Put dead letters and canceled jobs of one queue back to its tail.
-- KEYS
--   failed ZSET
--   quarantine HASH
--   waiting LIST
--   recoveries HASH
--   claims HASH
--   intermediate LIST
--   queues SET
--   causes HASH
--   canceled ZSET
-- ARGV
--   queue
--   job_prefix: of the hashes of jobs
--   now: in RQ's format
--   now_seconds: since 1970
--   fingerprint_field: field of a job's hash that has its fingerprint
--   cause_prefix: of the sorted sets of dead letters by cause
--   limit_prefix: of the key of a rate limit's waiting jobs, before the name of the limit
--   limit_suffix: of that key, after the name
--   job_ids...: at most 50
-- Returns one word for each id: `done` · `limited` it waits for its rate limit · `absent` it is not one of these ·
--   `gone` its data is missing · `unreadable` · else its status: it is not dead; or the reason, in words
-- Atomic: a letter leaves the dead ones in the step that enqueues it, so that two operators or a double click run it
--   once.
local wrong = wrong_type({failed, quarantine, waiting, recoveries, claims, intermediate, queues, causes, canceled,
    audit, act, events})
if wrong then return wrong end
local living = {queued = true, started = true, scheduled = true, deferred = true, finished = true,
    rate_limited = true, ready_to_enqueue = true}

local at = {failed = failed, quarantine = quarantine, canceled = canceled, recoveries = recoveries, claims = claims,
    intermediate = intermediate, causes = causes, cause_prefix = cause_prefix}

local function retry(id)
    if not is_dead(id, at) then return 'absent' end
    local job = job_prefix .. id
    local kind = redis.call('TYPE', job).ok
    if kind == 'none' then return 'gone' end
    if kind ~= 'hash' then return 'unreadable' end
    local fields = redis.call('HMGET', job, 'status', 'data', 'rate_limit_key', 'rate_limit_concurrency')
    local status, data, limit = fields[1], fields[2], fields[3]
    if not data then return 'unreadable' end
    if status and living[status] then return status end
    local is_limited = limit and limit ~= '' and tonumber(fields[4])
    local limited = is_limited and limit_prefix .. limit .. limit_suffix
    if limited and wrong_type({limited}, 'zset') then return 'a key of its rate limit holds another type' end

    leave_dead(id, job, at)
    leave_dependencies(id)
    redis.call('HSET', job, 'enqueued_at', now, 'started_at', '', 'ended_at', '', 'worker_name', '')
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'requeued', 'queue', queue, 'job', id,
        'actor', actor)
    if limited then
        redis.call('HSET', job, 'status', 'rate_limited')
        redis.call('ZADD', limited, now_seconds, id)
        return 'limited'
    end
    redis.call('HSET', job, 'status', 'queued')
    redis.call('RPUSH', waiting, id)
    redis.call('SADD', queues, waiting)
    return 'done'
end

local reply, retried = {}, 0
for n, id in ipairs(job_ids) do
    reply[n] = retry(id)
    if reply[n] == 'done' or reply[n] == 'limited' then retried = retried + 1 end
end
record_step(retried)
return reply
