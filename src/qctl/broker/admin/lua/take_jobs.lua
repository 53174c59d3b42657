-- Take jobs out of one location of one queue: the beginning of the scripts cancel, discard and move, not a script
-- itself.
-- KEYS
--   location LIST waiting, ZSET of a state, or HASH quarantine
--   recoveries HASH
--   claims HASH
--   intermediate LIST
--   causes HASH
-- ARGV
--   queue
--   state
--   job_prefix: of the hashes of jobs
--   fingerprint_field: field of a job's hash that has its fingerprint
--   cause_prefix: of the sorted sets of dead letters by cause
--   job_ids...: at most 200
--   positions...: of each job in the list of waiting ones, none for other states
-- Returns one word for each id, then by how many places the list has moved up since the positions were read.
--   `done` · `limited` done, and it held a slot of a rate limit · `absent` it is not there · `moved` it waits, but not
--   near its position · else its status: its location does not match it
-- Atomic: a job leaves its location in the step that puts it elsewhere. Waiting ones leave in one pass over the list.
local NEAR, TAKEN = 100, 'qctl:taken'
local location_type = ({queued = 'list', quarantined = 'hash'})[state] or 'zset'
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local shift = 0

-- The error to return if a key of this part holds another type than it should, nil if none does.
local function wrong_location()
    return wrong_type({location}, location_type)
        or wrong_type({recoveries, claims, intermediate, causes, audit, act, events})
end

local function record(event, id, reason)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', event, 'queue', queue, 'job', id,
        'actor', actor, 'reason', reason)
end

-- The position of a waiting id, near the one that it had.
local function find(id, position)
    local expected = math.max(0, position - shift)
    if redis.call('LINDEX', location, expected) == id then return expected end
    local low = math.max(0, expected - NEAR)
    for n, other in ipairs(redis.call('LRANGE', location, low, expected + NEAR)) do
        if other == id then
            shift = position - (low + n - 1)
            return low + n - 1
        end
    end
end

-- All ids are marked first, and the marks removed from the nearer end: one pass, however many they are.
local function take_waiting(results)
    local count, lowest, highest = 0, math.huge, -1
    for n, id in ipairs(job_ids) do
        local job = job_prefix .. id
        local status = redis.call('TYPE', job).ok == 'hash' and redis.call('HGET', job, 'status')
        local at = find(id, tonumber(positions[n]))
        -- An id that is in the list twice may have run already.
        if status and status ~= 'queued' and status ~= 'created' then
            results[n] = status
        elseif not at then
            results[n] = 'moved'
        else
            redis.call('LSET', location, at, TAKEN)
            results[n] = {status = status or '', position = at}
            count, lowest, highest = count + 1, math.min(lowest, at), math.max(highest, at)
        end
    end
    if count == 0 then return end
    local depth = redis.call('LLEN', location)
    redis.call('LREM', location, highest < depth - lowest and count or -count, TAKEN)
    count_removed(count, depth)
end

local function remove_from_index(id, job, origin)
    origin.fingerprint = redis.call('HGET', job, fingerprint_field)
    if not origin.fingerprint then return end
    local letters = cause_prefix .. origin.fingerprint
    if redis.call('TYPE', letters).ok ~= 'zset' then return end
    origin.died = redis.call('ZSCORE', letters, id)
    origin.cause = redis.call('HGET', causes, origin.fingerprint)
    redis.call('ZREM', letters, id)
    if redis.call('EXISTS', letters) == 0 then redis.call('HDEL', causes, origin.fingerprint) end
end

local function take_one(id)
    local job = job_prefix .. id
    local is_job = redis.call('TYPE', job).ok == 'hash'
    local origin = {status = is_job and redis.call('HGET', job, 'status') or ''}
    if state == 'quarantined' then
        origin.note = redis.call('HGET', location, id)
        if not origin.note then return 'absent' end
        redis.call('HDEL', location, id)
        redis.call('HDEL', recoveries, id)
        redis.call('HDEL', claims, id)
        redis.call('LREM', intermediate, 0, id)
        return origin
    end
    origin.score = redis.call('ZSCORE', location, id)
    if not origin.score then return 'absent' end
    -- The id may have been enqueued again: its hash is the living job's then.
    local living = {queued = true, started = true, ready_to_enqueue = true, rate_limited = true}
    if living[origin.status] then return origin.status end
    redis.call('ZREM', location, id)
    if state == 'failed' and is_job then remove_from_index(id, job, origin) end
    return origin
end

-- Take all jobs, and pass each to `put(id, job, origin)`; `job` is nil if the id has no hash. Returns the reply.
local function take_each(put)
    local results = {}
    if state == 'queued' then take_waiting(results) end
    local reply, taken = {}, 0
    for n, id in ipairs(job_ids) do
        local origin = results[n] or take_one(id)
        if type(origin) == 'table' then
            origin.state = state
            local job = job_prefix .. id
            local is_job = redis.call('TYPE', job).ok == 'hash'
            local limit = is_job and redis.call('HGET', job, 'rate_limit_key')
            put(id, is_job and job or nil, origin)
            taken = taken + 1
            origin = limit and limit ~= '' and 'limited' or 'done'
        end
        reply[n] = origin
    end
    record_step(taken)
    reply[#reply + 1] = shift
    return reply
end

