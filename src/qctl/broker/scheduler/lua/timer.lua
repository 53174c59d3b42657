-- Run, pause or resume one scheduled job.
-- KEYS
--   scheduled ZSET of RQ's registry, or of rq-scheduler
--   waiting LIST
--   queues SET
--   job HASH
--   events STREAM
-- ARGV
--   job_id
--   action: `run`, `pause` or `resume`
--   actor
--   now: in RQ's format
--   max_events
--   queue
--   paused_due: due time of paused jobs, in seconds
--   after_run: `keep` if the job stays scheduled after its run
-- Returns done, unchanged, absent (not scheduled), gone (it has no hash), limited (RQ's rate limit decides when it
--   runs), or the status of a job that waits or runs
-- Atomic: a job leaves the schedule in the step that enqueues it, so a scheduler cannot enqueue it a second time.
local wrong = wrong_type({scheduled, waiting, queues, events})
if wrong then return wrong end
local due, never = tonumber(redis.call('ZSCORE', scheduled, job_id) or nil), tonumber(paused_due)
if not due then return 'absent' end
if redis.call('TYPE', job).ok ~= 'hash' then return 'gone' end

local function record(event, reason)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', event, 'queue', queue, 'job', job_id,
        'actor', actor, 'reason', reason)
end

if action == 'pause' then
    if due >= never then return 'unchanged' end
    redis.call('HSET', job, 'qctl_due', due, 'qctl_held_by', actor)
    redis.call('ZADD', scheduled, paused_due, job_id)
    record('schedule', 'paused')
    return 'done'
end
if action == 'resume' then
    if due < never then return 'unchanged' end
    redis.call('ZADD', scheduled, redis.call('HGET', job, 'qctl_due') or redis.call('TIME')[1], job_id)
    redis.call('HDEL', job, 'qctl_due', 'qctl_held_by')
    record('schedule', 'resumed')
    return 'done'
end
local fields = redis.call('HMGET', job, 'rate_limit_key', 'status', 'enqueue_at_front')
if fields[1] and fields[1] ~= '' then return 'limited' end
if fields[2] == 'queued' or fields[2] == 'started' then return fields[2] end
if after_run ~= 'keep' then
    redis.call('ZREM', scheduled, job_id)
    redis.call('HDEL', job, 'qctl_due', 'qctl_held_by')
end
redis.call('HSET', job, 'status', 'queued', 'enqueued_at', now)
redis.call(fields[3] == '1' and 'LPUSH' or 'RPUSH', waiting, job_id)
redis.call('SADD', queues, waiting)
record('enqueued', 'on request')
return 'done'
