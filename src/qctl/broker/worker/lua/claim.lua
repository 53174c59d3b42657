-- Claim the head of the first queue that is not paused, and start it in the same step where it is a plain job: one
-- of which RQ's data model asks no more than a start, a result and an end. Where more are asked for, those behind it
-- are claimed and started with it, as long as they are plain too: they run one after the other.
-- KEYS[1] HASH of pauses  KEYS[2] STRING set by `rq suspend`  KEYS[3] ZSET of leases  KEYS[4] STREAM of events
--   KEYS[5] HASH of quiet claimants
--   then five a queue: LIST waiting, LIST intermediate, HASH claims, ZSET started, HASH of recoveries
-- ARGV[1] claimant, whose worker has the same name  ARGV[2] prefix of job hashes
--   ARGV[3] lease (ms), 0 where it was renewed lately  ARGV[4] cap of the stream  ARGV[5] number of queues
--   ARGV[6] what the executions' ids begin with, empty to start nothing  ARGV[7] the number of the first, which ends
--   its id in eight hexadecimal digits  ARGV[8] now (RQ's format)
--   then three a queue: name, family, prefix of its counts  then one a queue: plain jobs to claim at most
-- Returns {1, n, id, fields}               claimed from the n-th queue, with the job's hash
--         {2, n, id, type}                 claimed, but its key is not a hash
--         {3, n, id, fields, id, fields..} claimed and started, with the jobs' hashes as they were before
--         {0, n, id}          nothing: n is the first queue that is not held, 0 if all are or the claimant is quiet
-- Fails, before it changes anything, where a key that all queues share holds another type. A queue with such a key of
--   its own is passed over.
-- Atomic: between the look at the pause and the claim nobody can pause or quiet, and a claim without a lease never
--   shows. A pause that comes later finds the claim in the intermediate list, or the job started. Those that wait for
--   the first stay in the list until they have ended, or are known to run: the pause waits for them.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function held(name)
    local raw = redis.call('HGET', KEYS[1], name)
    if not raw then return false end
    local ok, pause = pcall(cjson.decode, raw)
    return not ok or type(pause) ~= 'table' or type(pause['until']) ~= 'number' or pause['until'] > now
end

-- The first claim of a minute notes how many waited, itself among them. A count that cannot be written, because
-- somebody's key is there, is no reason to claim nothing.
local function count(prefix, waiting, taken)
    local minute = math.floor(time[1] / 60)
    local key = prefix .. math.floor(minute / 60)
    local field = minute % 60
    if redis.pcall('HINCRBY', key, field .. '.taken', taken) == taken then
        redis.call('HSETNX', key, field .. '.depth', redis.call('LLEN', waiting) + taken)
        redis.call('EXPIRE', key, 172800)
    end
end

local function is(key, kind)
    local found = redis.call('TYPE', key).ok
    return found == kind or found == 'none'
end

-- What the fields of a plain job look like. Any other field, or another value, is left to RQ's own way.
local DATE = '^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ$'
local NUMBER = '^%d+$'
local ANY = ''
local PLAIN = {
    status = '^queued$', created_at = DATE, enqueued_at = DATE, started_at = DATE, ended_at = DATE,
    last_heartbeat = DATE, timeout = '^[1-9]%d?%d?%d?%d?%d?%d?$', result_ttl = '^[1-9]%d*$', failure_ttl = '^%-?%d+$',
    ttl = NUMBER, success_callback_name = '^$', success_callback_timeout = NUMBER, failure_callback_timeout = NUMBER,
    stopped_callback_timeout = NUMBER, number_of_retries = NUMBER, retries_left = NUMBER,
    retry_intervals = '^%[[%d, ]*%]$', enqueue_at_front = '^[01]$', enqueue_at_front_on_retry = '^[01]$', data = ANY,
    meta = ANY, description = ANY, worker_name = ANY, group_id = ANY, failure_callback_name = ANY,
    stopped_callback_name = ANY, webhooks = ANY, exc_info = ANY, result = ANY, qctl_fingerprint = ANY,
    qctl_moved_from = ANY
}

-- What the start wants to know of a plain job; nil where it is not plain.
local function plain(id, fields, queue)
    if fields.err or ARGV[6] == '' or not string.find(id, '^[%w_-]+$') then return nil end
    local found = {}
    for n = 1, #fields, 2 do
        local field, value = fields[n], fields[n + 1]
        local pattern = PLAIN[field]
        if field == 'origin' then
            if value ~= queue then return nil end
        elseif not pattern or pattern ~= ANY and not string.find(value, pattern) and (pattern ~= DATE or value ~= '') then
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

-- The n-th of those that are started together: its claim, with a time (microseconds) that comes before that of the
-- next claimant's, and when and what it is among the started.
local function claim(n)
    return ARGV[1] .. '|' .. string.format('%.0f', time[1] * 1000000 + time[2] + n)
end

local function run(id, found, n)
    return time[1] + math.min(found.timeout or 30, 30) + 60, id .. ':' .. ARGV[6] .. string.format('%08x', ARGV[7] + n)
end

-- Start it as RQ's worker does. What RQ keeps of the run beside, `record.lua` writes when it lasts.
local function start(id, job, queue, found)
    redis.call('HSET', job, 'status', 'started', 'started_at', ARGV[8], 'last_heartbeat', ARGV[8], 'worker_name', ARGV[1])
    -- Only a job that was given a time to live, or ran before, may be about to expire.
    if found.ttl or (found.ended_at or '') ~= '' or (found.started_at or '') ~= '' then redis.call('PERSIST', job) end
    if found.trace then
        redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'event', 'started', 'queue', queue, 'job', id,
            'worker', ARGV[1], 'trace', found.trace)
    else
        redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'event', 'started', 'queue', queue, 'job', id,
            'worker', ARGV[1])
    end
end

-- Write the claim, and start the job where that is asked for. Nil, and nothing is written, where a key of the queue
-- holds another type.
local function hold(id, job, fields, claims, started, queue)
    local found = plain(id, fields, queue)
    if type(redis.pcall('HSET', claims, id, claim(0))) ~= 'number' then return nil end
    if found and type(redis.pcall('ZADD', started, run(id, found, 0))) == 'number' then
        start(id, job, queue, found)
        return 3
    end
    if not is(started, 'zset') then
        redis.call('HDEL', claims, id)
        return nil
    end
    return fields.err and 2 or 1
end

-- Claim and start those that wait next, up to so many, and add them to the reply. A job that has killed its worker is
-- claimed alone: if it does so again no other shall have been in the same hand.
local function hold_more(most, waiting, intermediate, claims, started, recoveries, queue, reply)
    local deaths = redis.call('EXISTS', recoveries) == 1
    local function deadly(id) return deaths and redis.pcall('HEXISTS', recoveries, id) ~= 0 end
    if most < 1 or deadly(reply[3]) then return 0 end
    local ids, marks, runs = {}, {}, {}
    local left = redis.call('EXISTS', intermediate) == 1
    for n, id in ipairs(redis.call('LRANGE', waiting, 0, most - 1)) do
        local job = ARGV[2] .. id
        local fields = redis.pcall('HGETALL', job)
        local found = plain(id, fields, queue)
        -- One that has a time to live would lose it if it had to go back.
        if not found or found.ttl or deadly(id) then break end
        start(id, job, queue, found)
        if left then redis.call('LREM', intermediate, 0, id) end
        ids[n], marks[2 * n - 1], marks[2 * n] = id, id, claim(n)
        runs[2 * n - 1], runs[2 * n] = run(id, found, n)
        reply[#reply + 1] = id
        reply[#reply + 1] = fields
    end
    if #ids == 0 then return 0 end
    redis.call('LPOP', waiting, #ids)
    redis.call('RPUSH', intermediate, unpack(ids))
    redis.call('HSET', claims, unpack(marks))
    redis.call('ZADD', started, unpack(runs))
    return #ids
end

if redis.call('EXISTS', KEYS[2]) == 1 then return {0, 0, ''} end
if not is(KEYS[4], 'stream') then return redis.error_reply('WRONGTYPE ' .. KEYS[4] .. ' is not a stream') end
if redis.call('HEXISTS', KEYS[5], ARGV[1]) == 1 then return {0, 0, ''} end
if ARGV[3] ~= '0' then redis.call('ZADD', KEYS[3], now + tonumber(ARGV[3]), ARGV[1]) end

local open = 0
for n = 1, tonumber(ARGV[5]) do
    local waiting, intermediate, claims, started, recoveries = unpack(KEYS, 5 * n + 1, 5 * n + 5)
    local name, family, counts = unpack(ARGV, 3 * n + 6, 3 * n + 8)
    if not held(name) and (family == name or not held(family)) then
        local sound = true
        -- Ids whose hash is gone are passed over here, a bounded number a call.
        for _ = 1, 100 do
            local id = redis.pcall('LMOVE', waiting, intermediate, 'LEFT', 'RIGHT')
            if type(id) == 'table' then
                if not string.find(id.err, 'WRONGTYPE', 1, true) then return id end
                sound = false
            end
            if type(id) ~= 'string' then break end
            -- A stock worker of several queues leaves the id where it is when it starts the job, which may come again.
            redis.call('LREM', intermediate, 0, id)
            local job = ARGV[2] .. id
            local fields = redis.pcall('HGETALL', job)
            if #fields == 0 and not fields.err then
                redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'event', 'discarded', 'queue', name,
                    'job', id, 'reason', 'its data is gone')
            else
                local kind = hold(id, job, fields, claims, started, name)
                if not kind then
                    redis.call('LPUSH', waiting, id)
                    sound = false
                    break
                end
                local reply = {kind, n, id, fields}
                if kind == 3 then
                    local most = ARGV[8 + 3 * ARGV[5] + n] - 1
                    count(counts, waiting, 1 + hold_more(most, waiting, intermediate, claims, started, recoveries, name, reply))
                    return reply
                end
                count(counts, waiting, 1)
                redis.call('RPUSH', intermediate, id)
                if kind == 2 then return {2, n, id, redis.call('TYPE', job).ok} end
                return reply
            end
        end
        if open == 0 and sound then open = n end
    end
end
return {0, open, ''}
