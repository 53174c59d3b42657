-- Enqueue copies of finished jobs of one queue. The jobs stay as they are.
-- KEYS
--   finished ZSET
--   waiting LIST
--   queues SET
-- ARGV
--   queue
--   job_prefix: of the hashes of jobs
--   now: in RQ's format
--   from_field: field of a copy that has the id of its original
--   to_field: field of an original that has the id of its last copy
--   again: `1` copies jobs once more that have a copy, empty does not
--   copied...: names of the fields that a copy has too
--   job_ids...: at most 50
--   new_ids...: the id of the copy of each
-- Returns one word for each id: `done` · `replayed:` and the id of its copy, if it has one · `absent` it is not one of
--   these · `gone` its data is missing · `unreadable` · or the reason, in words
-- Atomic: a copy waits in its queue in the step that links it to its original, so that a command that is killed and
--   run again copies nothing twice.
local wrong = wrong_type({finished, waiting, queues, audit, act, events})
if wrong then return wrong end

local function replay(id, new_id)
    if not redis.call('ZSCORE', finished, id) then return 'absent' end
    local job, copy = job_prefix .. id, job_prefix .. new_id
    local kind = redis.call('TYPE', job).ok
    if kind == 'none' then return 'gone' end
    if kind ~= 'hash' then return 'unreadable' end
    local before = redis.call('HMGET', job, 'data', 'rate_limit_key', to_field)
    if not before[1] then return 'unreadable' end
    if before[2] and before[2] ~= '' then return 'it has a rate limit of RQ, which copies would pass' end
    if before[3] and again ~= '1' then return 'replayed:' .. before[3] end
    if redis.call('EXISTS', copy) == 1 then return 'the id of its copy is in use' end

    local values, fields = redis.call('HMGET', job, unpack(copied)), {}
    for n, value in ipairs(values) do
        if value then
            fields[#fields + 1] = copied[n]
            fields[#fields + 1] = value
        end
    end
    redis.call('HSET', copy, 'status', 'queued', 'origin', queue, 'created_at', now, 'enqueued_at', now,
        'started_at', '', 'ended_at', '', 'worker_name', '', from_field, id, unpack(fields))
    redis.call('HSET', job, to_field, new_id)
    redis.call('RPUSH', waiting, new_id)
    redis.call('SADD', queues, waiting)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'created', 'queue', queue, 'job', new_id,
        'actor', actor, 'reason', 'replay of ' .. id)
    return 'done'
end

local reply, replayed = {}, 0
for n, id in ipairs(job_ids) do
    reply[n] = replay(id, new_ids[n])
    if reply[n] == 'done' then replayed = replayed + 1 end
end
record_step(replayed)
return reply
