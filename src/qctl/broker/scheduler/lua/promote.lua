-- Enqueue scheduled jobs that are due: delayed jobs and retries.
-- KEYS
--   scheduled ZSET
--   waiting LIST
--   queues SET
--   quarantine HASH
--   events STREAM
-- ARGV
--   limit: jobs to enqueue
--   job_prefix: of the hashes of jobs
--   now_text: in RQ's format
--   queue
--   max_events
-- Returns {number of jobs that left the schedule, id, ...}: the ids are rate limited jobs, which RQ must enqueue
-- Atomic: a job leaves the schedule in the step that enqueues it, so any number of schedulers enqueue it once.
local wrong = wrong_type({scheduled, waiting, queues, quarantine, events})
if wrong then return wrong end
local now = tonumber(redis.call('TIME')[1])
local due = redis.call('ZRANGEBYSCORE', scheduled, '-inf', now, 'LIMIT', 0, limit)
local reply = {0}

local function record(event, id, reason)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', event, 'queue', queue, 'job', id,
        'reason', reason)
end

for _, id in ipairs(due) do
    local job = job_prefix .. id
    local kind = redis.call('TYPE', job).ok
    local limited = kind == 'hash' and redis.call('HGET', job, 'rate_limit_key')
    if limited and limited ~= '' then
        reply[#reply + 1] = id
    else
        redis.call('ZREM', scheduled, id)
        reply[1] = reply[1] + 1
        if kind == 'none' then
            record('discarded', id, 'its hash does not exist')
        elseif kind ~= 'hash' then
            local reason = 'its data is a ' .. kind .. ', not a hash'
            redis.call('HSET', quarantine, id, cjson.encode({reason = reason, at = now * 1000, by = 'scheduler',
                recoveries = 0}))
            record('quarantined', id, reason)
        else
            local fields = redis.call('HMGET', job, 'enqueue_at_front', 'enqueue_at_front_on_retry', 'ended_at')
            local front = fields[1] == '1' or (fields[2] == '1' and fields[3] and fields[3] ~= '')
            redis.call('HSET', job, 'status', 'queued', 'enqueued_at', now_text)
            redis.call(front and 'LPUSH' or 'RPUSH', waiting, id)
            record('enqueued', id, 'due')
        end
    end
end
if reply[1] > 0 then redis.call('SADD', queues, waiting) end
return reply
