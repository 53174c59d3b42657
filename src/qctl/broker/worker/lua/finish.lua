-- Write that plain jobs of one queue succeeded, as RQ writes it, and go on with `claim`: this goes before it in one
-- script. Its keys and arguments come after those of `claim`, of which it uses KEYS[4] STREAM of events,
-- ARGV[1] claimant, ARGV[4] cap of the stream and ARGV[5] number of queues.
-- KEYS nine of the queue: ZSET started, ZSET finished, HASH claims, HASH of recoveries, LIST intermediate, HASH of
--   counts of all time, HASH of breakers, HASH counts of the hour, HASH counts of durations of the minute
--   then of each job: HASH job, STREAM results, SET dependents, and where the run was recorded, as in `record.lua`:
--   HASH execution, ZSET executions of the job, SET of the worker's executions
-- ARGV number of jobs, queue, minute of the hour  then fourteen a job: id · when it began (RQ's format) where it was
--   started together with one before it, else empty · when it ended (RQ's format) · the result's time to live (s) ·
--   what it returned (as RQ's results hold it), empty if nothing · id of the execution · when it started (s) ·
--   when it ended (s) · how long it ran (ms) · trace id or empty · field of its wait in the counts or empty ·
--   field of its run · the data that stays of a batch, empty for what is no batch · number of keys of the record: 0 or 3
-- Returns {4, n, why, ..}, and claims nothing, where the n-th job could not be ended, of which nothing was changed:
--   `lost` the claim is no longer the claimant's · `other` the job has got what only RQ's own way can end:
--   dependents, another state, keys of other types
-- Atomic: a job ends in all of RQ's places and gives up its claim in one step, so an end is written once, and only by
--   whom the job is.
do
    local at, from = 5 + 5 * ARGV[5], 8 + 4 * ARGV[5]
    local started, finished, claims, recoveries, intermediate, totals, breakers, counts, times = unpack(KEYS, at + 1, at + 9)
    local number, queue, minute = tonumber(ARGV[from + 1]), ARGV[from + 2], ARGV[from + 3]
    at, from = at + 10, from + 4

    -- What all jobs are asked is asked at once.
    local ids, awaits, place = {}, {}, at
    for n = 1, number do
        ids[n], awaits[n] = ARGV[from + 14 * n - 14], KEYS[place + 2]
        place = place + 3 + ARGV[from + 14 * n - 1]
    end
    local held, awaited = redis.call('HMGET', claims, unpack(ids)), redis.call('EXISTS', unpack(awaits)) > 0

    -- Why the job cannot be ended here; nil where its end has been written.
    local function write(job, results, dependents, claim, id, since, ended, ttl, value, run, began, over, left)
        if not claim or string.sub(claim, 1, #ARGV[1] + 1) ~= ARGV[1] .. '|' then return 'lost' end
        if redis.pcall('HGET', job, 'status') ~= 'started' then return 'other' end
        if awaited and redis.call('EXISTS', dependents) == 1 then return 'other' end
        local kept
        if value == '' then
            kept = redis.pcall('XADD', results, 'MAXLEN', '~', 10, '*', 'type', 1, 'worker_name', ARGV[1],
                'execution_id', run, 'execution_started_at', began, 'execution_ended_at', over)
        else
            kept = redis.pcall('XADD', results, 'MAXLEN', '~', 10, '*', 'type', 1, 'worker_name', ARGV[1],
                'return_value', value, 'execution_id', run, 'execution_started_at', began, 'execution_ended_at', over)
        end
        if type(kept) ~= 'string' then return 'other' end
        redis.call('EXPIRE', results, ttl)
        if since == '' then
            redis.call('HSET', job, 'status', 'finished', 'ended_at', ended, 'last_heartbeat', ended)
        else
            redis.call('HSET', job, 'status', 'finished', 'started_at', since, 'ended_at', ended, 'last_heartbeat', ended)
            redis.pcall('LREM', intermediate, 1, id)
        end
        if left ~= '' then redis.call('HSET', job, 'data', left) end
        redis.call('EXPIRE', job, ttl)
    end

    -- A key of another type, which is somebody's mistake, must not undo half of an end.
    local function forget(key, ids, command)
        if #ids > 0 then redis.pcall(command, key, unpack(ids)) end
    end
    local function bump(key, field, by)
        if redis.pcall('HINCRBY', key, field, by) == by then redis.call('EXPIRE', key, 172800) end
    end

    local done, runs, ends, batches, durations, refused = {}, {}, {}, {}, {}, {4}
    for n, id in ipairs(ids) do
        local _, since, ended, ttl, value, run, began, over, ran, trace, waited, lasted, left, recorded =
            unpack(ARGV, from, from + 13)
        local job, results, dependents = unpack(KEYS, at, at + 2)
        local why = write(job, results, dependents, held[n], id, since, ended, ttl, value, run, began, over, left)
        if why then
            refused[#refused + 1] = n
            refused[#refused + 1] = why
        else
            done[#done + 1], runs[#runs + 1] = id, id .. ':' .. run
            ends[#ends + 1] = math.floor(over) + ttl
            ends[#ends + 1] = id
            if left ~= '' then batches[1] = queue end
            if recorded ~= '0' then
                redis.pcall('DEL', KEYS[at + 3])
                redis.pcall('ZREM', KEYS[at + 4], run)
                redis.pcall('SREM', KEYS[at + 5], id .. ':' .. run)
            end
            if waited ~= '' then durations[waited] = (durations[waited] or 0) + 1 end
            durations[lasted] = (durations[lasted] or 0) + 1
            if trace == '' then
                redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'event', 'finished', 'queue', queue, 'job', id,
                    'worker', ARGV[1], 'ms', ran)
            else
                redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'event', 'finished', 'queue', queue, 'job', id,
                    'trace', trace, 'worker', ARGV[1], 'ms', ran)
            end
        end
        at, from = at + 3 + recorded, from + 14
    end
    if #done > 0 then
        forget(claims, done, 'HDEL')
        forget(finished, ends, 'ZADD')
        forget(started, runs, 'ZREM')
        forget(recoveries, done, 'HDEL')
        forget(breakers, batches, 'HDEL')
        bump(counts, minute .. '.finished', #done)
        redis.pcall('HINCRBY', totals, 'finished:' .. queue, #done)
        for field, by in pairs(durations) do bump(times, field, by) end
    end
    if #refused > 1 then return refused end
end
