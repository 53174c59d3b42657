-- End the run of a started job whose worker is gone, by RQ's own rule: it is tried again if it has retries left, else
-- it becomes a dead letter.
-- KEYS
--   started ZSET
--   claims HASH
--   intermediate LIST
--   job HASH
--   executions ZSET of the job
--   waiting LIST
--   scheduled ZSET
--   failed ZSET
--   results STREAM
--   causes HASH
--   letters ZSET of the dead letters of its cause
--   leases ZSET
-- ARGV
--   job_id
--   queue
--   maxlen: ids at each end of the queue that are searched for it
--   execution_prefix: prefix of the keys of the job's executions
--   force: `force` to end the run although its lease is not over; else empty
--   verb: `retry` to try again as its retries allow, `die` to make it a dead letter in any case
--   recovery_ms: time after the end of its claimant's lease from which nobody recovers the job
--   max_lease_ms: a lease that ends later was written before Redis's clock went back, and is over
--   counted: jobs that the command's record counts for this step, 1 or 0
--   default_ttl: TTL (s) of a dead letter if the producer set none
--   fingerprint
--   fingerprint_field: field of a job's hash that has its fingerprint
--   cause: as JSON
--   reason: in one line
--   traceback
--   result...: fields and values of its result
-- Returns `runs` its lease is not over, or a worker of qctl has claimed it and lives, or it is to be tried again, which
--   recovery does · `ended` it had ended, and its run is
--   removed · `gone` its hash does not exist, and its run is removed · `absent` it is in no registry of started jobs ·
--   `unreadable` · `queued`, `limited` or `scheduled` it is tried again · `dead` · `discarded` the producer keeps no
--   dead letters
-- Atomic: the lease is checked in the step that ends the run, so a worker that renewed it keeps the job.
local wrong = wrong_type({started, claims, intermediate, executions, waiting, scheduled, failed, results, causes,
    letters, leases, audit, act, events})
if wrong then return wrong end
local last
for _, member in ipairs(redis.call('ZRANGE', started, 0, -1)) do
    local execution = string.sub(member, 1, #job_id + 1) == job_id .. ':' and string.sub(member, #job_id + 2)
    if member == job_id or (execution and not string.find(execution, ':', 1, true)) then
        local ends = redis.call('ZSCORE', started, member)
        last = math.max(last or -math.huge, ends == 'inf' and math.huge or tonumber(ends))
    end
end
local time = redis.call('TIME')
local claim = redis.call('HGET', claims, job_id)
if claim then
    local lease = tonumber(redis.call('ZSCORE', leases, string.match(claim, '^(.*)|%d+$') or claim) or -math.huge)
    local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
    if verb ~= 'die' or (lease > now_ms - recovery_ms and lease <= now_ms + max_lease_ms) then return 'runs' end
end
if not last and force ~= 'force' then return 'absent' end
if last and last > tonumber(time[1]) and not claim and force ~= 'force' then return 'runs' end

local kind = redis.call('TYPE', job).ok
if kind ~= 'none' and kind ~= 'hash' then return 'unreadable' end
local fields = kind == 'hash' and redis.call('HMGET', job, 'status', 'retries_left', 'retry_intervals', 'failure_ttl',
    'enqueue_at_front_on_retry')
if force == 'force' and not last and (not fields or fields[1] ~= 'started') then return 'absent' end
delete_runs()
redis.call('HDEL', claims, job_id)
if not fields then return 'gone' end

local function record(event, text)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', event, 'queue', queue, 'job', job_id,
        'actor', actor, 'reason', text)
    record_step(tonumber(counted))
end

-- A worker that is killed before its child has begun leaves the run of a job that is still marked as queued.
if fields[1] == 'queued' and not redis.call('LPOS', waiting, job_id, 'MAXLEN', maxlen)
    and not redis.call('LPOS', waiting, job_id, 'RANK', -1, 'MAXLEN', maxlen) then
    redis.call('LREM', intermediate, 0, job_id)
    local word = put_in_queue(job_id, job, waiting, true)
    record('recovered', 'its worker never started it')
    return word == 'limited' and word or 'queued'
end
if fields[1] ~= 'started' then return 'ended' end
redis.call('LREM', intermediate, 0, job_id)
redis.call('PERSIST', job)

local left = tonumber(fields[2] or '') or 0
if verb == 'retry' and left > 0 then
    local is_list, intervals = pcall(cjson.decode, fields[3] or '')
    local delay = 0
    if is_list and type(intervals) == 'table' and #intervals > 0 then
        delay = tonumber(intervals[math.min(math.max(#intervals - left, 0), #intervals - 1) + 1]) or 0
    end
    redis.call('HSET', job, 'retries_left', left - 1)
    if delay > 0 then
        redis.call('HSET', job, 'status', 'scheduled', 'worker_name', '')
        redis.call('ZADD', scheduled, math.ceil(tonumber(now_seconds) + delay), job_id)
        redis.call('SADD', queues_key, waiting)
        record('retried', reason)
        return 'scheduled'
    end
    local word = put_in_queue(job_id, job, waiting, fields[5] == '1')
    record('retried', reason)
    return word == 'limited' and word or 'queued'
end

local ttl = tonumber(fields[4] or '') or tonumber(default_ttl)
if ttl == 0 then
    redis.call('UNLINK', job, results)
    record('discarded', reason)
    return 'discarded'
end
redis.call('HSET', job, 'status', 'failed', 'ended_at', now, 'exc_info', traceback, fingerprint_field, fingerprint)
redis.call('XADD', results, 'MAXLEN', 10, '*', unpack(result))
redis.call('ZADD', failed, ttl < 0 and -1 or math.floor(tonumber(now_seconds) + ttl), job_id)
if ttl > 0 then redis.call('EXPIRE', job, ttl) end
redis.call('HSETNX', causes, fingerprint, cause)
redis.call('ZADD', letters, math.floor(tonumber(now_seconds) * 1000), job_id)
record('dead', reason)
return 'dead'
