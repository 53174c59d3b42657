-- Cancel the jobs of a flow that have not started. Begins with flow.lua, which has the rest of its head.
-- KEYS none of its own
-- ARGV
--   scheduled_prefix: of the ZSET of the scheduled jobs of a queue
--   changed_field: field of a job's hash that has the time of its cancellation
--   max_steps: ids of queues that may be passed to find the waiting jobs
-- Returns {'large'} if the flow has too many jobs, {'deep'} if its waiting jobs lie in queues too long to search at once;
--   nothing was changed then. Else id, queue and word of each job: `done` · `limited` done, and it held a slot of a rate
--   limit · `ended` it had ended · `moved` its queue does not list it · `unreadable` · else its status: it is not canceled
-- Atomic: nothing of a flow starts because a part of it was canceled and another was not yet.
local wrong = wrong_type({audit, act, events})
if wrong then return wrong end
local ids = flow_jobs()
if not ids then return {'large'} end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local places = {queued = queue_prefix, created = queue_prefix, scheduled = scheduled_prefix, deferred = deferred_prefix}
local over = {finished = true, failed = true, stopped = true, canceled = true}

local jobs, steps = {}, 0
for n, id in ipairs(ids) do
    local key = job_prefix .. id
    local fields = redis.call('TYPE', key).ok == 'hash'
        and redis.call('HMGET', key, 'status', 'origin', 'rate_limit_key') or {}
    local status, queue = fields[1], fields[2]
    local job = {key = key, status = status or 'gone', queue = queue or '', is_limited = fields[3] and fields[3] ~= ''}
    local place = status and queue and places[status]
    if place then
        job.place = place .. queue
        local kind = place == queue_prefix and 'list' or 'zset'
        if not has_type(job.place, kind) or not has_type(canceled_prefix .. queue, 'zset') then
            job.status, job.place = 'unreadable', nil
        elseif kind == 'list' then
            steps = steps + redis.call('LLEN', job.place)
        end
    end
    jobs[n] = job
end
if steps > tonumber(max_steps) then return {'deep'} end

local function cancel(id, job)
    if over[job.status] or job.status == 'gone' then return 'ended' end
    if not job.place then return job.status end
    local command = job.place == queue_prefix .. job.queue and 'LREM' or 'ZREM'
    local removed = command == 'LREM' and redis.call('LREM', job.place, 1, id) or redis.call('ZREM', job.place, id)
    if removed == 0 then return 'moved' end
    redis.call('HSET', job.key, 'status', 'canceled', changed_field, now_ms)
    redis.call('ZADD', canceled_prefix .. job.queue, time[1], id)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'canceled', 'queue', job.queue, 'job', id,
        'actor', actor, 'reason', 'it was ' .. job.status .. ', and its flow was canceled')
    return job.is_limited and 'limited' or 'done'
end

local reply, canceled = {}, 0
for n, id in ipairs(ids) do
    local word = cancel(id, jobs[n])
    if word == 'done' or word == 'limited' then canceled = canceled + 1 end
    reply[#reply + 1] = id
    reply[#reply + 1] = jobs[n].queue
    reply[#reply + 1] = word
end
record_step(canceled)
return reply
