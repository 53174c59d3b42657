-- Put a job that waited elsewhere into its queue: a part of the scripts that do so, not a script itself.
-- KEYS none of its own
-- ARGV
--   now: in RQ's format
--   now_seconds: since 1970
--   queues_key: SET of the keys of all queues
--   limit_prefix: of the key of a rate limit's waiting jobs, before the name of the limit
--   limit_suffix: of that key, after the name
-- Returns nothing. `put_in_queue(id, job, waiting, at_front)` enqueues it and returns `done`, or `limited` if it waits
--   for a slot of its rate limit: the caller lets RQ's limiter enqueue it.
-- Atomic: the job leaves its former location in the same step.
local function put_in_queue(id, job, waiting, at_front)
    redis.call('HSET', job, 'enqueued_at', now, 'started_at', '', 'ended_at', '', 'worker_name', '')
    local limit = redis.call('HMGET', job, 'rate_limit_key', 'rate_limit_concurrency')
    if limit[1] and limit[1] ~= '' and tonumber(limit[2]) then
        redis.call('HSET', job, 'status', 'rate_limited')
        redis.call('ZADD', limit_prefix .. limit[1] .. limit_suffix, now_seconds, id)
        return 'limited'
    end
    redis.call('HSET', job, 'status', 'queued')
    redis.call(at_front and 'LPUSH' or 'RPUSH', waiting, id)
    redis.call('SADD', queues_key, waiting)
    return 'done'
end

