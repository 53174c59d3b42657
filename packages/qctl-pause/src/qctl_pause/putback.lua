local claims, started, executions, waiting, intermediate, job, pauses, breakers, events = unpack(KEYS, 1, 9)
local job_id, claimant, execution_prefix, queue, max_events, reason, first_ms, longest_ms, actor = unpack(ARGV, 1, 9)
local KIND = {[claims] = 'hash', [started] = 'zset', [executions] = 'zset', [waiting] = 'list', [intermediate] = 'list', [job] = 'hash', [pauses] = 'hash', [breakers] = 'hash', [events] = 'stream'}
-- Check the types of keys before anything is written: the beginning of scripts that change all or nothing, not a
-- script itself.
-- KEYS ARGV those of the script that follows
-- Returns nothing. `wrong_type(keys)` returns the error to reply with if one of them holds another type than the
--   script's head declares, and nil otherwise; a missing key fits every type. `wrong_type(keys, kind)` checks keys
--   whose type depends on the arguments.
-- Atomic: a command that fails on a type ends a script in its middle, and its earlier writes stay.
local function wrong_type(keys, kind)
    for _, key in ipairs(keys) do
        local expected, actual = kind or KIND[key], redis.call('TYPE', key).ok
        if actual ~= 'none' and actual ~= expected then
            return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. actual .. ', not a ' .. expected)
        end
    end
end

-- Check whether a job is still claimed by the caller: the beginning of scripts that change a job only then, not a
-- script itself.
-- KEYS
--   claims HASH
-- ARGV
--   job_id
--   claimant
-- Returns nothing. `is_claimed()` is whether the claim on the job is the claimant's.
-- Atomic: the script that follows changes the job in the step that checks, so a job that was given to another is safe.
local function is_claimed()
    local claim = redis.call('HGET', claims, job_id)
    return claim and string.sub(claim, 1, #claimant + 1) == claimant .. '|'
end
-- Delete RQ's record of a job's runs: the beginning of scripts that take a job from its worker, not a script itself.
-- KEYS
--   started ZSET
--   executions ZSET of the job
-- ARGV
--   job_id
--   execution_prefix: prefix of the keys of the job's executions
-- Returns nothing. `delete_runs()` deletes the executions and takes the job out of the started.
-- Atomic: the script that follows gives the job another place in the same step.
-- A member is `job:execution`, or before RQ 2.0 the job's id alone.
local function delete_runs()
    for _, member in ipairs(redis.call('ZRANGE', started, 0, -1)) do
        local execution = string.sub(member, 1, #job_id + 1) == job_id .. ':' and string.sub(member, #job_id + 2)
        if member == job_id or (execution and not string.find(execution, ':', 1, true)) then
            redis.call('ZREM', started, member)
            if execution then redis.call('DEL', execution_prefix .. execution) end
        end
    end
    redis.call('DEL', executions)
end
-- Give a claimed job back to the head of its queue at no cost: no retry, no recovery is counted. A sink that is down
-- or refuses us also trips the breaker, an ordinary pause of the queue.
-- KEYS
--   waiting LIST
--   intermediate LIST
--   started ZSET
--   claims HASH
--   job HASH
--   executions ZSET of the job
--   pauses HASH
--   breakers HASH
--   events STREAM
-- ARGV
--   job_id
--   claimant
--   queue
--   execution_prefix
--   max_events
--   reason: why the breaker trips, empty to leave it alone
--   first_ms: the first pause, 0 to pause until it is resumed
--   longest_ms: the longest pause
--   actor: who pauses
-- Returns 1 given back, 0 the claim is no longer the claimant's
-- Atomic: the job is in exactly one place at any moment, and nobody claims it between its return and the pause.
local wrong = wrong_type({waiting, intermediate, started, claims, job, pauses, breakers, events})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not is_claimed() then return 0 end

redis.call('HDEL', claims, job_id)
redis.call('LREM', intermediate, -1, job_id)
delete_runs()
local was_started = redis.call('HGET', job, 'status') == 'started'
redis.call('HSET', job, 'status', 'queued', 'worker_name', '')
redis.call('LPUSH', waiting, job_id)
if reason == '' then
    -- Readers of the events have already seen its start.
    if was_started then
        redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'returned', 'queue', queue, 'job', job_id,
            'worker', claimant)
    end
    return 1
end

local raw = redis.call('HGET', pauses, queue)
if raw then
    local ok, pause = pcall(cjson.decode, raw)
    -- A pause that still holds, an operator's or this breaker's, is left as it is.
    if not ok or type(pause) ~= 'table' or type(pause['until']) ~= 'number' or pause['until'] > now then return 1 end
end
local pause = {by = actor, at = now, reason = reason}
if tonumber(first_ms) > 0 then
    local times = redis.call('HINCRBY', breakers, queue, 1)
    pause['until'] = now + math.min(tonumber(longest_ms), tonumber(first_ms) * 2 ^ math.min(times - 1, 20))
end
redis.call('HSET', pauses, queue, cjson.encode(pause))
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'tripped', 'queue', queue, 'job', job_id,
    'actor', actor, 'reason', reason)
return 1
