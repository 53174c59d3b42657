-- Enqueue scheduled jobs that are due: delayed jobs and retries.
-- KEYS[1] ZSET scheduled  KEYS[2] LIST waiting  KEYS[3] SET of queues  KEYS[4] HASH quarantine  KEYS[5] STREAM of events
-- ARGV[1] maximum number of jobs  ARGV[2] prefix of job hashes  ARGV[3] now (RQ's format)  ARGV[4] queue  ARGV[5] cap of the stream
-- Returns {number of jobs that left the schedule, id, ...}: the ids are rate limited jobs, which RQ must enqueue
-- Atomic: a job leaves the schedule in the step that enqueues it, so any number of schedulers enqueue it once.
local wrong = wrong_type(KEYS, {'zset', 'list', 'set', 'hash', 'stream'})
if wrong then return wrong end
local now = tonumber(redis.call('TIME')[1])
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
local reply = {0}

local function record(event, id, reason)
    redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[5], '*', 'event', event, 'queue', ARGV[4], 'job', id,
        'reason', reason)
end

for _, id in ipairs(due) do
    local job = ARGV[2] .. id
    local type = redis.call('TYPE', job).ok
    local limited = type == 'hash' and redis.call('HGET', job, 'rate_limit_key')
    if limited and limited ~= '' then
        reply[#reply + 1] = id
    else
        redis.call('ZREM', KEYS[1], id)
        reply[1] = reply[1] + 1
        if type == 'none' then
            record('discarded', id, 'its hash does not exist')
        elseif type ~= 'hash' then
            local reason = 'its data is a ' .. type .. ', not a hash'
            redis.call('HSET', KEYS[4], id, cjson.encode({reason = reason, at = now * 1000, by = 'scheduler',
                recoveries = 0}))
            record('quarantined', id, reason)
        else
            local fields = redis.call('HMGET', job, 'enqueue_at_front', 'enqueue_at_front_on_retry', 'ended_at')
            local front = fields[1] == '1' or (fields[2] == '1' and fields[3] and fields[3] ~= '')
            redis.call('HSET', job, 'status', 'queued', 'enqueued_at', ARGV[3])
            redis.call(front and 'LPUSH' or 'RPUSH', KEYS[2], id)
            record('enqueued', id, 'due')
        end
    end
end
if reply[1] > 0 then redis.call('SADD', KEYS[3], KEYS[2]) end
return reply
