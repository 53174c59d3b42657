-- Let jobs that wait for one job go on without it, or cancel them.
-- KEYS
--   dependents SET of the ids of jobs that depend on it
-- ARGV
--   parent_id: the job that they wait for
--   verb: `allowed` to enqueue those that allow it to fail · `release` to enqueue all whose other dependencies are met
--     · `cancel`
--   reason
--   job_prefix: of the hashes of jobs
--   dependencies_prefix: of the SET of a job's dependencies, before its id
--   dependencies_suffix: of that key, after its id
--   queue_prefix: of the LIST of a queue
--   deferred_prefix: of the ZSET of the deferred jobs of a queue
--   canceled_prefix: of the ZSET of the canceled jobs of a queue
--   batch_field: field of a job's hash that has its trash batch
-- Returns an id and a word for each job that changed: `done` enqueued or canceled · `limited` it waits for its rate limit
--   · `waits` for its other dependencies
-- Atomic: a job leaves the deferred ones in the step that enqueues or cancels it, so that it is enqueued once.
local wrong = wrong_type({dependents, audit, act, events})
if wrong then return wrong end
local reply, done = {}, 0

local function is_met(id, allows_failure)
    for _, other in ipairs(redis.call('SMEMBERS', dependencies_prefix .. id .. dependencies_suffix)) do
        local key = job_prefix .. other
        local fields = other ~= parent_id and redis.call('TYPE', key).ok == 'hash'
            and redis.call('HMGET', key, 'status', batch_field)
        local has_failed = fields and (fields[1] == 'failed' or (fields[1] == 'canceled' and fields[2]))
        if fields and fields[1] ~= 'finished' and not (allows_failure and has_failed) then return false end
    end
    return true
end

local function record(event, queue, id)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', event, 'queue', queue, 'job', id,
        'actor', actor, 'reason', reason)
end

local function end_one(id, job, queue, allows_failure)
    local deferred, waiting = deferred_prefix .. queue, queue_prefix .. queue
    local canceled = canceled_prefix .. queue
    if wrong_type({deferred, canceled}, 'zset') or wrong_type({waiting}, 'list') then return end
    if verb == 'cancel' then
        redis.call('HSET', job, 'status', 'canceled')
        redis.call('ZREM', deferred, id)
        redis.call('ZADD', canceled, math.floor(tonumber(now_seconds)), id)
        record('canceled', queue, id)
        return 'done'
    end
    if not is_met(id, allows_failure) then
        if verb ~= 'release' then return end
        redis.call('SREM', dependencies_prefix .. id .. dependencies_suffix, parent_id)
        return 'waits'
    end
    redis.call('ZREM', deferred, id)
    redis.call('SREM', dependents, id)
    leave_dependencies(id)
    local word = put_in_queue(id, job, waiting, redis.call('HGET', job, 'enqueue_at_front') == '1')
    record('enqueued', queue, id)
    return word
end

for _, id in ipairs(redis.call('SMEMBERS', dependents)) do
    local job = job_prefix .. id
    local fields = redis.call('TYPE', job).ok == 'hash'
        and redis.call('HMGET', job, 'status', 'origin', 'allow_dependency_failures')
    local allows_failure = fields and fields[3] == '1'
    if fields and fields[1] == 'deferred' and fields[2] and (verb ~= 'allowed' or allows_failure) then
        local word = end_one(id, job, fields[2], allows_failure)
        if word then
            reply[#reply + 1] = id
            reply[#reply + 1] = word
            done = done + 1
        end
    end
end
record_step(done)
return reply
