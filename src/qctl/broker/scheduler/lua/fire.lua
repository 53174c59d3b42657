-- Create the jobs of a schedule that are due, and store when it is due next. Begins with trim_runs.lua, which has the
-- rest of its head.
-- KEYS
--   schedules ZSET
--   schedule HASH
--   waiting LIST
--   queues SET
--   events STREAM
-- ARGV
--   schedule_name
--   due: the due time as the caller read it
--   next_due: empty if there is none
--   runs_left: empty for no end
--   last_due: due time of the last job
--   now: in RQ's format
--   max_events
--   queue
--   job_name
--   skipped: number of skipped runs
--   dropped: number of runs that were due before the last one had ended
--   catch_up: policy
-- KEYS jobs[n]
--   job HASH
-- ARGV jobs[n]
--   id
--   trace
--   run_due: due time of the run (s)
--   values: number of its fields and values among `fields`
-- ARGV
--   fields...: fields and values of all jobs
-- Returns the number of jobs created, -1 if the due time has changed meanwhile
-- Atomic: the due time is advanced and its jobs are enqueued in one step, so any number of schedulers, killed at any
--   moment, create one job for each due time. A job whose id exists is not created again.
local wrong = wrong_type({schedules, schedule, history, waiting, queues, events})
if wrong then return wrong end
local current = redis.call('ZSCORE', schedules, schedule_name)
if not current or tonumber(current) ~= tonumber(due) or redis.call('EXISTS', schedule) == 0 then return -1 end

local function record(event, ...)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', event, 'queue', queue, 'name', job_name,
        'actor', 'schedule ' .. schedule_name, ...)
end

local created, last_job, first = 0, nil, 1
for n = 1, jobs_count do
    local new = jobs_at(n)
    local last = first + new.values - 1
    if redis.call('EXISTS', new.job) == 0 then
        redis.call('HSET', new.job, unpack(fields, first, last))
        redis.call('RPUSH', waiting, new.id)
        redis.call('HSET', history, new.id, new.run_due)
        record('created', 'job', new.id, 'trace', new.trace)
        created, last_job = created + 1, new.id
    end
    first = last + 1
end
if created > 0 then
    redis.call('SADD', queues, waiting)
    redis.call('HSET', schedule, 'qctl_last_due', last_due, 'qctl_last_at', now, 'qctl_last_job', last_job)
    redis.call('HINCRBY', schedule, 'qctl_runs', created)
end
if tonumber(skipped) > 0 then
    redis.call('HSET', schedule, 'qctl_missed', skipped, 'qctl_missed_at', now)
    redis.call('HSET', history, 'missed:' .. due, due .. ' ' .. skipped)
    record('skipped', 'count', skipped, 'reason', 'no scheduler ran; policy ' .. catch_up)
end
if tonumber(dropped) > 0 then
    redis.call('HSET', history, 'dropped:' .. due, due .. ' ' .. dropped)
    record('skipped', 'count', dropped, 'reason', 'the last run has not ended; overlap policy skip')
end
if runs_left ~= '' then redis.call('HSET', schedule, 'qctl_left', runs_left) end
if next_due ~= '' then
    redis.call('ZADD', schedules, next_due, schedule_name)
else
    redis.call('ZREM', schedules, schedule_name)
    redis.call('DEL', schedule, history)
end
trim_runs()
return created
