-- Run again what failed or was canceled of a flow: a job whose dependencies have finished is enqueued, and others wait
-- for theirs. Begins with flow.lua, which has the rest of its head.
-- KEYS none of its own
-- ARGV
--   failed_prefix: of the ZSET of the dead letters of a queue
--   quarantine_prefix: of the HASH of its quarantined jobs
--   recoveries_prefix: of its HASH of recoveries
--   claims_prefix: of its HASH of claims
--   causes_prefix: of its HASH of causes
--   cause_prefix: of its dead letters by cause, before the name of the queue
--   intermediate_suffix: of the key of its intermediate list, after that of its list
--   dependencies_prefix: of the SET of a job's dependencies, before its id
--   dependencies_suffix: of that key, after its id
-- Returns {'large'} if the flow has too many jobs; nothing was changed then. Else id, queue and word of each job: `done`
--   enqueued · `limited` it waits for its rate limit · `waits` for its dependencies · `unreadable` · `trash` · else its
--   status: it did not fail
-- Atomic: a job waits for one of the same flow from the step on in which that one is enqueued, so none runs too early.
local wrong = wrong_type({audit, act, events})
if wrong then return wrong end
local ids = flow_jobs()
if not ids then return {'large'} end

local function places_of(queue)
    local at = {failed = failed_prefix .. queue, canceled = canceled_prefix .. queue,
        deferred = deferred_prefix .. queue, quarantine = quarantine_prefix .. queue,
        recoveries = recoveries_prefix .. queue, claims = claims_prefix .. queue, causes = causes_prefix .. queue,
        waiting = queue_prefix .. queue, intermediate = queue_prefix .. queue .. intermediate_suffix,
        cause_prefix = cause_prefix .. queue .. ':'}
    local kinds = {failed = 'zset', canceled = 'zset', deferred = 'zset', quarantine = 'hash', recoveries = 'hash',
        claims = 'hash', causes = 'hash', waiting = 'list', intermediate = 'list'}
    for name, kind in pairs(kinds) do
        if not has_type(at[name], kind) then return nil end
    end
    return at
end

local function dependencies_of(id, listed)
    local key, others = dependencies_prefix .. id .. dependencies_suffix, {}
    local is_list, named = pcall(cjson.decode, listed or '')
    for _, other in ipairs(is_list and type(named) == 'table' and named or {}) do
        if type(other) == 'string' then others[other] = true end
    end
    if has_type(key, 'set') then
        for _, other in ipairs(redis.call('SMEMBERS', key)) do others[other] = true end
    end
    return others
end

local jobs, again = {}, {}
for n, id in ipairs(ids) do
    local key = job_prefix .. id
    local fields = redis.call('TYPE', key).ok == 'hash' and redis.call('HMGET', key, 'status', 'origin', 'data',
        'dependency_ids', 'allow_dependency_failures', batch_field, 'ttl', 'rate_limit_key') or {}
    local job = {key = key, queue = fields[2] or '', word = fields[1] or 'gone', ttl = tonumber(fields[7] or '')}
    if job.word == 'canceled' and fields[6] then
        job.word = 'trash'
    elseif fields[2] and (job.word == 'failed' or job.word == 'stopped' or job.word == 'canceled') then
        job.at = places_of(job.queue)
        local limit = limit_prefix .. (fields[8] or '') .. limit_suffix
        if not job.at or not fields[3] or not has_type(limit, 'zset') then
            job.word = 'unreadable'
        elseif is_dead(id, job.at) then
            job.dependencies = dependencies_of(id, fields[4])
            job.allows_failure = fields[5] == '1'
            again[id] = job
        end
    end
    jobs[n] = job
end

local function waits_for(id, other, job)
    if other == id then return false end
    if again[other] then return true end
    local key = job_prefix .. other
    local status = redis.call('TYPE', key).ok == 'hash' and redis.call('HGET', key, 'status')
    return status and status ~= 'finished' and not (job.allows_failure and (status == 'failed' or status == 'stopped'))
end

local function retry(id, job)
    local pending = {}
    for other in pairs(job.dependencies) do
        if waits_for(id, other, job) then pending[#pending + 1] = other end
    end
    leave_dead(id, job.key, job.at)
    if #pending == 0 then
        leave_dependencies(id)
        return put_in_queue(id, job.key, job.at.waiting, false)
    end
    for _, other in ipairs(pending) do
        redis.pcall('SADD', job_prefix .. other .. dependents_suffix, id)
        redis.pcall('SADD', dependencies_prefix .. id .. dependencies_suffix, other)
    end
    redis.call('HSET', job.key, 'status', 'deferred', 'enqueued_at', '', 'started_at', '', 'ended_at', '',
        'worker_name', '')
    redis.call('ZADD', job.at.deferred, job.ttl and job.ttl > 0 and now_seconds + job.ttl or '+inf', id)
    redis.call('SADD', queues_key, job.at.waiting)
    return 'waits'
end

local reply, retried = {}, 0
for n, id in ipairs(ids) do
    local job = jobs[n]
    if again[id] then
        job.word = retry(id, job)
        retried = retried + 1
        redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'requeued', 'queue', job.queue, 'job', id,
            'actor', actor, 'reason', 'its flow was retried')
    end
    reply[#reply + 1] = id
    reply[#reply + 1] = job.queue
    reply[#reply + 1] = job.word
end
record_step(retried)
return reply
