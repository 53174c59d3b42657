local pauses, suspended, leases, events, quiet, limits = unpack(KEYS, 1, 6)
local max_jobs_count, queues_count = tonumber(ARGV[1]), tonumber(ARGV[2])
local claimant, job_prefix, lease_ms, max_events, run_prefix, first_run, now, limit_prefix, claims_prefix, ahead = unpack(ARGV, 3, 12)
local max_jobs = {}
if max_jobs_count <= 4000 then max_jobs = {unpack(ARGV, 12 + 1, 12 + max_jobs_count)}
else for n = 1, max_jobs_count do max_jobs[n] = ARGV[12 + n] end end
local function queues_at(n)
    local k, a = 6 + 5 * (n - 1), 12 + 1 * max_jobs_count + 3 * (n - 1)
    return {waiting = KEYS[k + 1], intermediate = KEYS[k + 2], claims = KEYS[k + 3], started = KEYS[k + 4], recoveries = KEYS[k + 5], name = ARGV[a + 1], family = ARGV[a + 2], counts_prefix = ARGV[a + 3]}
end
-- Claim the head of the first queue that is not paused, and start it in the same step if it is a fast-path job: one
-- that needs only a start, a result and an end in RQ's data model. If a queue allows more than one job, those behind it
-- are claimed and started with it, as long as they are fast-path jobs too: they run one after the other.
-- KEYS
--   pauses HASH
--   suspended STRING set by `rq suspend`
--   leases ZSET
--   events STREAM
--   quiet HASH of claimants that take nothing new
--   limits HASH
-- ARGV
--   claimant: its worker has the same name
--   job_prefix: prefix of the keys of jobs
--   lease_ms: 0 if the lease was renewed lately
--   max_events
--   run_prefix: prefix of ids of executions, empty to start nothing
--   first_run: number of the first execution, which ends its id in eight hexadecimal digits
--   now: in RQ's format
--   limit_prefix: prefix of the keys of each limit
--   claims_prefix: prefix of the claims of each queue
--   ahead: 1 to claim, while other jobs of the last queue run, only what could be prefetched with them
--   max_jobs... of each queue: fast-path jobs to claim at most
-- KEYS queues[n]
--   waiting LIST
--   intermediate LIST
--   claims HASH
--   started ZSET
--   recoveries HASH
-- ARGV queues[n]
--   name
--   family: the queue whose pause pauses this one too
--   counts_prefix: prefix of the keys of its counts
-- Returns {1, n, id, fields}               claimed from the n-th queue, with the job's hash
--         {2, n, id, type}                 claimed, but its key is not a hash
--         {3, n, id, fields, id, fields..} claimed and started, with the jobs' hashes as they were before
--         {0, n, id}          nothing: n is the first queue that is not paused, 0 if all are or the claimant is quiet
-- Fails, before it changes anything, if a key that all queues share holds another type. A queue with such a key of
--   its own is passed over.
-- Atomic: between the check of the pause and the claim nobody can pause or quiet, and a claim without a lease never
--   shows. A pause that comes later finds the claim in the intermediate list, or the job started. Prefetched jobs stay
--   in the list until they have ended, or are known to run: the pause waits for them.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

local function is_paused(name)
    local raw = redis.call('HGET', pauses, name)
    if not raw then return false end
    local ok, pause = pcall(cjson.decode, raw)
    return not ok or type(pause) ~= 'table' or type(pause['until']) ~= 'number' or pause['until'] > now_ms
end

-- The first claim of a minute notes how many waited, itself among them. A count that cannot be written, because its key
-- holds another type, does not prevent the claim.
local function count(queue, taken)
    local minute = math.floor(time[1] / 60)
    local key = queue.counts_prefix .. math.floor(minute / 60)
    local field = minute % 60
    if redis.pcall('HINCRBY', key, field .. '.taken', taken) == taken then
        redis.call('HSETNX', key, field .. '.depth', redis.call('LLEN', queue.waiting) + taken)
        redis.call('EXPIRE', key, 172800)
    end
end

local function has_type(key, kind)
    local found = redis.call('TYPE', key).ok
    return found == kind or found == 'none'
end

-- Patterns for the fields of a fast-path job. A job with any other field, or another value, goes RQ's own way.
local DATE = '^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ$'
local NUMBER = '^%d+$'
local ANY = ''
local FAST_PATH = {
    status = '^queued$', created_at = DATE, enqueued_at = DATE, started_at = DATE, ended_at = DATE,
    last_heartbeat = DATE, timeout = '^[1-9]%d?%d?%d?%d?%d?%d?$', result_ttl = '^[1-9]%d*$', failure_ttl = '^%-?%d+$',
    ttl = NUMBER, success_callback_name = '^$', success_callback_timeout = NUMBER, failure_callback_timeout = NUMBER,
    stopped_callback_timeout = NUMBER, number_of_retries = NUMBER, retries_left = NUMBER,
    retry_intervals = '^%[[%d, ]*%]$', enqueue_at_front = '^[01]$', enqueue_at_front_on_retry = '^[01]$', data = ANY,
    meta = ANY, description = ANY, worker_name = ANY, group_id = ANY, failure_callback_name = ANY,
    stopped_callback_name = ANY, webhooks = '^%[?%]?$', exc_info = ANY, result = ANY, qctl_fingerprint = ANY,
    qctl_moved_from = ANY
}

-- The fields that a start needs of a fast-path job; nil if it is none.
local function fast_path_fields(id, fields, queue)
    if fields.err or run_prefix == '' or not string.find(id, '^[%w_-]+$') then return nil end
    local found = {}
    for n = 1, #fields, 2 do
        local field, value = fields[n], fields[n + 1]
        local pattern = FAST_PATH[field]
        if field == 'origin' then
            if value ~= queue.name then return nil end
        elseif not pattern and (string.find(field, '^qctl_log_') or string.find(field, '^qctl_run_')) then
            -- What is kept of earlier runs does not matter to this one.
        elseif not pattern or pattern ~= ANY and (pattern ~= DATE or value ~= '') and not string.find(value, pattern) then
            return nil
        elseif field == 'meta' then
            local ok, meta = pcall(cjson.decode, value)
            if not ok or type(meta) ~= 'table' then return nil end
            found.trace = type(meta.trace_id) == 'string' and meta.trace_id
        else
            found[field] = value
        end
    end
    return found.data and found.status and found
end

-- The claim on the n-th of the jobs that are started together. Its time (microseconds) is before that of the next
-- claimant's.
local function claim_of(n)
    return claimant .. '|' .. string.format('%.0f', time[1] * 1000000 + time[2] + n)
end

-- Score and member of the n-th of them in the registry of started jobs.
local function run_of(id, found, n)
    return time[1] + math.min(found.timeout or 30, 30) + 60, id .. ':' .. run_prefix .. string.format('%08x', first_run + n)
end

-- Start a job as RQ's worker does. `record.lua` writes RQ's record of the run if it lasts.
local function start(id, job, queue, found)
    redis.call('HSET', job, 'status', 'started', 'started_at', now, 'last_heartbeat', now, 'worker_name', claimant)
    -- Only a job that was given a time to live, or ran before, may be about to expire.
    if found.ttl or (found.ended_at or '') ~= '' or (found.started_at or '') ~= '' then redis.call('PERSIST', job) end
    if found.trace then
        redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'started', 'queue', queue.name, 'job', id,
            'worker', claimant, 'trace', found.trace)
    else
        redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'started', 'queue', queue.name, 'job', id,
            'worker', claimant)
    end
end

-- The limits that last, by their field: nil if there are none, which costs one look at one key. `labels` has the fields
-- of the limits of jobs by the names with which RQ's description of a job begins.
local current_limits, labels, has_job_limits
local function read_limits()
    if redis.call('EXISTS', limits) == 0 then return end
    local reply = redis.pcall('HGETALL', limits)
    if reply.err then return end
    current_limits, labels = {}, {}
    for n = 1, #reply, 2 do
        local ok, limit = pcall(cjson.decode, reply[n + 1])
        if ok and type(limit) == 'table' and (type(limit['until']) ~= 'number' or limit['until'] > now_ms) then
            current_limits[reply[n]] = limit
            if not string.find(reply[n], '^queue:') then has_job_limits = true end
            for _, label in ipairs(type(limit.labels) == 'table' and limit.labels or {}) do labels[label] = reply[n] end
        end
    end
end

-- Whether one of the windows of a limit's blackout lasts.
local function is_dark(limit)
    for _, window in ipairs(type(limit.windows) == 'table' and limit.windows or {}) do
        if type(window) == 'table' and type(window[1]) == 'number' and type(window[2]) == 'number'
            and window[1] <= now_ms and now_ms < window[2] then return true end
    end
    return false
end

-- Whether a limit allows another claim. Slots whose claim is gone are freed first: the job has ended, or its worker's
-- lease has run out and the job was recovered.
local function allows(field)
    local limit, key = current_limits[field], limit_prefix .. field
    if is_dark(limit) then return false end
    if limit.rate and limit.per then
        local oldest = redis.pcall('LINDEX', key .. ':times', limit.rate - 1)
        if type(oldest) == 'string' and tonumber(oldest) > now_ms - limit.per then return false end
    end
    if not limit.concurrency then return true end
    local held = redis.pcall('SCARD', key .. ':held')
    if type(held) ~= 'number' or held < limit.concurrency then return limit.concurrency > 0 end
    for _, slot in ipairs(redis.call('SMEMBERS', key .. ':held')) do
        local queue, id = string.match(slot, '^([^|]*)|(.*)$')
        if redis.pcall('HEXISTS', claims_prefix .. queue, id) ~= 1 then
            redis.call('SREM', key .. ':held', slot)
            held = held - 1
        end
    end
    return held < limit.concurrency
end

-- The fields of the limits that apply to a job, beside that of its queue.
local function limits_of(id)
    local values = redis.pcall('HMGET', job_prefix .. id, 'description', 'meta')
    local fields = {}
    if values.err then return fields end
    local label = values[1] and string.match(values[1], '^[^%s(]+')
    if label and labels[label] then fields[1] = labels[label] end
    local ok, meta = pcall(cjson.decode, values[2] or '')
    local owner = ok and type(meta) == 'table' and type(meta.owner) == 'string' and 'owner:' .. meta.owner
    if owner and current_limits[owner] then fields[#fields + 1] = owner end
    return fields
end

-- Count a claim under these limits.
local function hold(fields, queue, id)
    for _, field in ipairs(fields) do
        local limit, key = current_limits[field], limit_prefix .. field
        if limit.rate and limit.per then
            redis.pcall('LPUSH', key .. ':times', now_ms)
            redis.pcall('LTRIM', key .. ':times', 0, limit.rate - 1)
            redis.call('PEXPIRE', key .. ':times', limit.per)
        end
        if limit.concurrency then
            redis.pcall('SADD', key .. ':held', queue.name .. '|' .. id)
            redis.call('EXPIRE', key .. ':held', 172800)
        end
    end
end

-- Move the first job that its limits allow to the head of a queue, past those that must wait. Returns the fields of its
-- limits, or nil if none of the first ones may start.
local MAX_PASSED_JOBS = 200
local function choose_head(queue)
    local own = 'queue:' .. queue.family
    local fields = {}
    if current_limits[own] then
        if not allows(own) then return nil end
        fields[1] = own
    end
    if not has_job_limits then return fields end
    local ids = redis.pcall('LRANGE', queue.waiting, 0, MAX_PASSED_JOBS - 1)
    if ids.err or #ids == 0 then return fields end
    local answers = {}
    for n, id in ipairs(ids) do
        local others, is_free = limits_of(id), true
        for _, field in ipairs(others) do
            if answers[field] == nil then answers[field] = allows(field) end
            is_free = is_free and answers[field]
        end
        if is_free then
            if n > 1 then
                redis.call('LREM', queue.waiting, 1, id)
                redis.call('LPUSH', queue.waiting, id)
            end
            for _, field in ipairs(others) do fields[#fields + 1] = field end
            return fields
        end
    end
    return nil
end

-- Write the claim, and start the job if it may be. Returns the kind of the reply, or nil, and nothing is written, if a
-- key of the queue holds another type.
local function claim(id, job, fields, queue)
    local found = fast_path_fields(id, fields, queue)
    if type(redis.pcall('HSET', queue.claims, id, claim_of(0))) ~= 'number' then return nil end
    if found and type(redis.pcall('ZADD', queue.started, run_of(id, found, 0))) == 'number' then
        start(id, job, queue, found)
        return 3
    end
    if not has_type(queue.started, 'zset') then
        redis.call('HDEL', queue.claims, id)
        return nil
    end
    return fields.err and 2 or 1
end

-- Claim and start up to `limit` of the next waiting jobs, and add them to the reply. Their runs are numbered from
-- `first` on. Returns how many. A job that has killed its worker is claimed alone: if it does so again it takes no other
-- with it.
local function prefetch(limit, queue, reply, first)
    local has_deaths = redis.call('EXISTS', queue.recoveries) == 1
    local function is_deadly(id) return has_deaths and redis.pcall('HEXISTS', queue.recoveries, id) ~= 0 end
    if limit < 1 or reply[3] and is_deadly(reply[3]) then return 0 end
    local ids, marks, runs = {}, {}, {}
    local has_leftovers = redis.call('EXISTS', queue.intermediate) == 1
    for n, id in ipairs(redis.call('LRANGE', queue.waiting, 0, limit - 1)) do
        local job = job_prefix .. id
        local fields = redis.pcall('HGETALL', job)
        local found = fast_path_fields(id, fields, queue)
        -- A job with a TTL would lose it if it had to go back.
        if not found or found.ttl or is_deadly(id) then break end
        start(id, job, queue, found)
        if has_leftovers then redis.call('LREM', queue.intermediate, 0, id) end
        ids[n], marks[2 * n - 1], marks[2 * n] = id, id, claim_of(first + n - 1)
        runs[2 * n - 1], runs[2 * n] = run_of(id, found, first + n - 1)
        reply[#reply + 1] = id
        reply[#reply + 1] = fields
    end
    if #ids == 0 then return 0 end
    redis.call('LPOP', queue.waiting, #ids)
    redis.call('RPUSH', queue.intermediate, unpack(ids))
    redis.call('HSET', queue.claims, unpack(marks))
    redis.call('ZADD', queue.started, unpack(runs))
    return #ids
end

-- Claim the head of the n-th queue. Returns the reply, or nil and whether its keys hold the right types.
local function claim_head(n, queue)
    -- Ids whose hash is gone are passed over here, a bounded number a call.
    for _ = 1, 100 do
        local held = current_limits and choose_head(queue)
        if current_limits and not held then return nil, false end
        local id = redis.pcall('LMOVE', queue.waiting, queue.intermediate, 'LEFT', 'RIGHT')
        if type(id) == 'table' then
            if not string.find(id.err, 'WRONGTYPE', 1, true) then return id end
            return nil, false
        end
        if type(id) ~= 'string' then return nil, true end
        -- A stock worker of several queues leaves the id where it is when it starts the job, which may come again.
        redis.call('LREM', queue.intermediate, 0, id)
        local job = job_prefix .. id
        local fields = redis.pcall('HGETALL', job)
        if #fields == 0 and not fields.err then
            redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'discarded', 'queue', queue.name,
                'job', id, 'reason', 'its data is gone')
        else
            local kind = claim(id, job, fields, queue)
            if not kind then
                redis.call('LPUSH', queue.waiting, id)
                return nil, false
            end
            local reply = {kind, n, id, fields}
            if current_limits then hold(held, queue, id) end
            if kind == 3 then
                local is_limited = current_limits and (has_job_limits or #held > 0)
                local limit = is_limited and 0 or max_jobs[n] - 1
                count(queue, 1 + prefetch(limit, queue, reply, 1))
                return reply
            end
            count(queue, 1)
            redis.call('RPUSH', queue.intermediate, id)
            if kind == 2 then reply[4] = redis.call('TYPE', job).ok end
            return reply
        end
    end
    return nil, true
end

-- Claim from the n-th queue while others of its jobs run. Returns nil, and leaves the jobs to an ordinary claim, if a key
-- of the queue holds another type or a limit may apply.
local function claim_ahead(n, queue)
    if current_limits and (has_job_limits or current_limits['queue:' .. queue.family]) then return nil end
    if not (has_type(queue.waiting, 'list') and has_type(queue.intermediate, 'list') and has_type(queue.claims, 'hash')
        and has_type(queue.started, 'zset')) then return nil end
    local reply = {3, n}
    local taken = prefetch(tonumber(max_jobs[n]), queue, reply, 0)
    if taken == 0 then return nil end
    count(queue, taken)
    return reply
end

if redis.call('EXISTS', suspended) == 1 then return {0, 0, ''} end
if not has_type(events, 'stream') then return redis.error_reply('WRONGTYPE ' .. events .. ' is not a stream') end
if redis.call('HEXISTS', quiet, claimant) == 1 then return {0, 0, ''} end
if lease_ms ~= '0' then redis.call('ZADD', leases, now_ms + tonumber(lease_ms), claimant) end

read_limits()
local first_open = 0
for n = 1, queues_count do
    local queue = queues_at(n)
    if not is_paused(queue.name) and (queue.family == queue.name or not is_paused(queue.family)) then
        local reply, is_sound
        if ahead == '0' then
            reply, is_sound = claim_head(n, queue)
        elseif n == queues_count then
            reply = claim_ahead(n, queue)
        elseif redis.call('EXISTS', queue.waiting) == 1 then
            break
        end
        if reply then return reply end
        if first_open == 0 and is_sound then first_open = n end
    end
end
return {0, first_open, ''}
