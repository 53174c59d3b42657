-- Write that a plain job succeeded, as RQ writes it, and go on with `claim`: this goes before it in one script.
-- Its keys and arguments come after those of `claim`, of which it uses KEYS[4] STREAM of events, ARGV[1] claimant and
-- ARGV[4] cap of the stream.
-- KEYS[-11] HASH job  KEYS[-10] STREAM results of the job  KEYS[-9] SET dependents of the job  KEYS[-8] ZSET started
--   KEYS[-7] ZSET finished  KEYS[-6] HASH claims  KEYS[-5] HASH of recoveries  KEYS[-4] HASH of counts of all time
--   KEYS[-3] HASH of breakers  KEYS[-2] HASH counts of the hour  KEYS[-1] HASH counts of durations of the minute
--   and where the run was recorded, after those, as in `record.lua`: HASH execution, ZSET executions of the job,
--   SET of the worker's executions
-- ARGV[-15] id  ARGV[-14] queue  ARGV[-13] when it ended (RQ's format)  ARGV[-12] the result's time to live (s)
--   ARGV[-11] what it returned (as RQ's results hold it), empty if nothing  ARGV[-10] id of the execution
--   ARGV[-9] when it started (s)  ARGV[-8] when it ended (s)  ARGV[-7] how long it ran (ms)  ARGV[-6] trace id or empty
--   ARGV[-5] minute of the hour  ARGV[-4] field of its wait in the counts or empty  ARGV[-3] field of its run
--   ARGV[-2] the data that stays of a batch, empty for what is no batch  ARGV[-1] number of keys of the record: 0 or 3
-- Returns {4, why}, and changes nothing: `lost` the claim is no longer the claimant's · `other` the job has got what
--   only RQ's own way can end: dependents, another state, keys of other types
-- Atomic: the job ends in all of RQ's places and gives up its claim in one step, so an end is written once, and only
--   by whom the job is.
do
    local recorded = tonumber(ARGV[#ARGV])
    local job, results, dependents, started, finished, claims, recoveries, totals, breakers, counts, times =
        unpack(KEYS, #KEYS - recorded - 10, #KEYS - recorded)
    local id, queue, ended, ttl, value, run, began, over, ran, trace, minute, waited, lasted, left =
        unpack(ARGV, #ARGV - 14)

    local claim = redis.call('HGET', claims, id)
    if not claim or string.sub(claim, 1, #ARGV[1] + 1) ~= ARGV[1] .. '|' then return {4, 'lost'} end
    if redis.pcall('HGET', job, 'status') ~= 'started' then return {4, 'other'} end
    if redis.call('EXISTS', dependents) == 1 then return {4, 'other'} end
    local kept
    if value == '' then
        kept = redis.pcall('XADD', results, 'MAXLEN', '~', 10, '*', 'type', 1, 'worker_name', ARGV[1],
            'execution_id', run, 'execution_started_at', began, 'execution_ended_at', over)
    else
        kept = redis.pcall('XADD', results, 'MAXLEN', '~', 10, '*', 'type', 1, 'worker_name', ARGV[1],
            'return_value', value, 'execution_id', run, 'execution_started_at', began, 'execution_ended_at', over)
    end
    if type(kept) ~= 'string' then return {4, 'other'} end
    redis.call('EXPIRE', results, ttl)
    redis.call('HSET', job, 'status', 'finished', 'ended_at', ended, 'last_heartbeat', ended)
    redis.call('EXPIRE', job, ttl)
    redis.call('HDEL', claims, id)
    if left ~= '' then redis.call('HSET', job, 'data', left) end

    -- From here on the job has ended. A key of another type, which is somebody's mistake, must not undo half of it.
    local function bump(key, field)
        if redis.pcall('HINCRBY', key, field, 1) == 1 then redis.call('EXPIRE', key, 172800) end
    end
    redis.pcall('ZADD', finished, math.floor(over) + ttl, id)
    redis.pcall('ZREM', started, id .. ':' .. run)
    redis.pcall('HDEL', recoveries, id)
    if left ~= '' then redis.pcall('HDEL', breakers, queue) end
    if recorded > 0 then
        local execution, executions, own = unpack(KEYS, #KEYS - 2)
        redis.pcall('DEL', execution)
        redis.pcall('ZREM', executions, run)
        redis.pcall('SREM', own, id .. ':' .. run)
    end
    bump(counts, minute .. '.finished')
    redis.pcall('HINCRBY', totals, 'finished:' .. queue, 1)
    if waited ~= '' then bump(times, waited) end
    bump(times, lasted)
    if trace == '' then
        redis.pcall('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'event', 'finished', 'queue', queue, 'job', id,
            'worker', ARGV[1], 'ms', ran)
    else
        redis.pcall('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'event', 'finished', 'queue', queue, 'job', id,
            'trace', trace, 'worker', ARGV[1], 'ms', ran)
    end
end
