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
