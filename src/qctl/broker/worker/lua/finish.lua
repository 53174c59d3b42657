-- Write that fast-path jobs of one queue succeeded, as RQ writes it, and go on with `claim`, which follows in the same
-- script.
-- KEYS
--   started ZSET
--   finished ZSET
--   claims HASH
--   recoveries HASH
--   intermediate LIST
--   totals HASH of counts of all time
--   breakers HASH
--   counts HASH of the hour
--   times HASH of counts of durations of the minute
--   events STREAM
-- ARGV
--   claimant
--   max_events
--   queue
--   minute: of the hour
-- KEYS jobs[n]
--   job HASH
--   results STREAM
--   dependents SET
-- ARGV jobs[n]
--   job_id
--   began_at: in RQ's format if the job was prefetched, else empty
--   ended_at: in RQ's format
--   ttl: of the result, seconds
--   value: return value of the job, as RQ's results hold it, empty if none
--   execution_id
--   started: seconds
--   ended: seconds
--   run_ms
--   trace: the trace id or empty
--   wait_field: field of its wait in the counts, or empty
--   run_field: field of its run in the counts
--   batch_data: the batch's data without its items, empty for a job that is not a batch
-- KEYS records[n]
--   execution HASH
--   executions ZSET of the job
--   worker_executions SET
-- ARGV records[n]
--   ended_n: number of the ended job whose run is recorded
-- KEYS logs[n]
--   job HASH
-- ARGV logs[n]
--   field: of the log of the job's run
--   text: the log
--   ended_n: number of the ended job that logged
-- Returns {4, n, why, ..}, and claims nothing, if the n-th job could not be ended, and nothing of it was changed:
--   `lost` the claim is no longer the claimant's · `other` only RQ itself can end the job: it has dependents, another
--   state, or keys of other types
-- Atomic: a job ends in all of RQ's places and gives up its claim in one step, so an end is written once, and only by
--   the job's claimant.
do
    local jobs, ids, dependents = {}, {}, {}
    for n = 1, jobs_count do
        local ended = jobs_at(n)
        jobs[n], ids[n], dependents[n] = ended, ended.job_id, ended.dependents
    end
    local marks = redis.call('HMGET', claims, unpack(ids))
    local has_dependents = redis.call('EXISTS', unpack(dependents)) > 0

    -- Why the job cannot be ended here; nil if its end has been written.
    local function write(job, mark)
        if not mark or string.sub(mark, 1, #claimant + 1) ~= claimant .. '|' then return 'lost' end
        if redis.pcall('HGET', job.job, 'status') ~= 'started' then return 'other' end
        if has_dependents and redis.call('EXISTS', job.dependents) == 1 then return 'other' end
        local result
        if job.value == '' then
            result = redis.pcall('XADD', job.results, 'MAXLEN', '~', 10, '*', 'type', 1, 'worker_name', claimant,
                'execution_id', job.execution_id, 'execution_started_at', job.started, 'execution_ended_at', job.ended)
        else
            result = redis.pcall('XADD', job.results, 'MAXLEN', '~', 10, '*', 'type', 1, 'worker_name', claimant,
                'return_value', job.value, 'execution_id', job.execution_id, 'execution_started_at', job.started,
                'execution_ended_at', job.ended)
        end
        if type(result) ~= 'string' then return 'other' end
        redis.call('EXPIRE', job.results, job.ttl)
        if job.began_at == '' then
            redis.call('HSET', job.job, 'status', 'finished', 'ended_at', job.ended_at, 'last_heartbeat', job.ended_at)
        else
            redis.call('HSET', job.job, 'status', 'finished', 'started_at', job.began_at, 'ended_at', job.ended_at,
                'last_heartbeat', job.ended_at)
            redis.pcall('LREM', intermediate, 1, job.job_id)
        end
        if job.batch_data ~= '' then redis.call('HSET', job.job, 'data', job.batch_data) end
        redis.call('EXPIRE', job.job, job.ttl)
    end

    -- A key of another type must not leave an end half written.
    local function change(command, key, values)
        if #values > 0 then redis.pcall(command, key, unpack(values)) end
    end
    local function increase(key, field, by)
        if redis.pcall('HINCRBY', key, field, by) == by then redis.call('EXPIRE', key, 172800) end
    end

    local done, runs, ends, batches, durations, refused = {}, {}, {}, {}, {}, {4}
    for n, job in ipairs(jobs) do
        local why = write(job, marks[n])
        if why then
            refused[#refused + 1] = n
            refused[#refused + 1] = why
        else
            job.is_written = true
            done[#done + 1], runs[#runs + 1] = job.job_id, job.job_id .. ':' .. job.execution_id
            ends[#ends + 1] = math.floor(job.ended) + job.ttl
            ends[#ends + 1] = job.job_id
            if job.batch_data ~= '' then batches[1] = queue end
            if job.wait_field ~= '' then durations[job.wait_field] = (durations[job.wait_field] or 0) + 1 end
            durations[job.run_field] = (durations[job.run_field] or 0) + 1
            if job.trace == '' then
                redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'finished', 'queue', queue,
                    'job', job.job_id, 'worker', claimant, 'ms', job.run_ms)
            else
                redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'finished', 'queue', queue,
                    'job', job.job_id, 'trace', job.trace, 'worker', claimant, 'ms', job.run_ms)
            end
        end
    end
    for n = 1, records_count do
        local record = records_at(n)
        local job = jobs[tonumber(record.ended_n)]
        if job.is_written then
            redis.pcall('DEL', record.execution)
            redis.pcall('ZREM', record.executions, job.execution_id)
            redis.pcall('SREM', record.worker_executions, job.job_id .. ':' .. job.execution_id)
        end
    end
    for n = 1, logs_count do
        local entry = logs_at(n)
        if jobs[tonumber(entry.ended_n)].is_written then
            redis.call('HSET', entry.job, entry.field, entry.text)
            delete_old_runs(entry.job)
        end
    end
    if #done > 0 then
        change('HDEL', claims, done)
        change('ZADD', finished, ends)
        change('ZREM', started, runs)
        change('HDEL', recoveries, done)
        change('HDEL', breakers, batches)
        increase(counts, minute .. '.finished', #done)
        redis.pcall('HINCRBY', totals, 'finished:' .. queue, #done)
        for field, by in pairs(durations) do increase(times, field, by) end
    end
    if #refused > 1 then return refused end
end
