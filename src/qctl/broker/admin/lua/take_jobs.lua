-- Take jobs out of one place of one queue: the beginning of the scripts cancel, discard and move, not a script itself.
-- KEYS[1] the place: LIST waiting, ZSET of a state, or HASH quarantine  KEYS[2] HASH of recoveries  KEYS[3] HASH claims
--   KEYS[4] LIST intermediate  KEYS[5] HASH of causes  KEYS[6] STREAM of events  then those of the script
-- ARGV[1] queue  ARGV[2] state  ARGV[3] who  ARGV[4] cap of the stream  ARGV[5] prefix of job hashes
--   ARGV[6] field of the fingerprint  ARGV[7] prefix of the causes' letters  ARGV[8] prefix of the queue's counts
--   ARGV[9] where the ids begin  then those of the script  then id and position in turn, at most 200
-- Returns one word an id, then by how many places the list has moved up since the positions were read.
--   `done` · `limited` done, and it held a slot of a rate limit · `absent` it is not there · `moved` it waits, and not
--   near its position · else its status: it is not what it seems
-- Atomic: a job leaves its place in the step that puts it elsewhere. Waiting ones leave in one pass over the list.
local NEAR, TAKEN = 100, 'qctl:taken'
local QUEUE, STATE, FIRST = ARGV[1], ARGV[2], tonumber(ARGV[9])
local PLACE = ({queued = 'list', quarantined = 'hash'})[STATE] or 'zset'
local now = redis.call('TIME')
local NOW = now[1] * 1000 + math.floor(now[2] / 1000)
local shift = 0

-- What is wrong with the types of the keys, the script's own among them, if anything is.
local function check(own)
    return wrong_type(KEYS, {PLACE, 'hash', 'hash', 'list', 'hash', 'stream', unpack(own)})
end

local function tell(event, id, reason)
    redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[4], '*', 'event', event, 'queue', QUEUE, 'job', id,
        'actor', ARGV[3], 'reason', reason)
end

-- Where a waiting id is, looked for around where it was.
local function find(id, position)
    local expected = math.max(0, position - shift)
    if redis.call('LINDEX', KEYS[1], expected) == id then return expected end
    local low = math.max(0, expected - NEAR)
    for n, other in ipairs(redis.call('LRANGE', KEYS[1], low, expected + NEAR)) do
        if other == id then
            shift = position - (low + n - 1)
            return low + n - 1
        end
    end
end

-- All of the call are marked first, and the marks removed from the nearer end: one pass, however many they are.
local function take_waiting(words)
    local count, lowest, highest = 0, math.huge, -1
    for n = FIRST, #ARGV, 2 do
        local id = ARGV[n]
        local status = redis.call('TYPE', ARGV[5] .. id).ok == 'hash' and redis.call('HGET', ARGV[5] .. id, 'status')
        local at = find(id, tonumber(ARGV[n + 1]))
        -- An id that is in the list twice may have run already.
        if status and status ~= 'queued' and status ~= 'created' then
            words[n] = status
        elseif not at then
            words[n] = 'moved'
        else
            redis.call('LSET', KEYS[1], at, TAKEN)
            words[n] = {status = status or '', position = at}
            count, lowest, highest = count + 1, math.min(lowest, at), math.max(highest, at)
        end
    end
    if count == 0 then return end
    local depth = redis.call('LLEN', KEYS[1])
    redis.call('LREM', KEYS[1], highest < depth - lowest and count or -count, TAKEN)
    local minute = math.floor(now[1] / 60)
    local counts = ARGV[8] .. math.floor(minute / 60)
    redis.pcall('HINCRBY', counts, minute % 60 .. '.removed', count)
    if redis.pcall('HSETNX', counts, minute % 60 .. '.depth', depth) == 1 then redis.call('EXPIRE', counts, 172800) end
end

local function forget_cause(id, job, origin)
    origin.fingerprint = redis.call('HGET', job, ARGV[6])
    if not origin.fingerprint then return end
    local letters = ARGV[7] .. origin.fingerprint
    if redis.call('TYPE', letters).ok ~= 'zset' then return end
    origin.died = redis.call('ZSCORE', letters, id)
    origin.cause = redis.call('HGET', KEYS[5], origin.fingerprint)
    redis.call('ZREM', letters, id)
    if redis.call('EXISTS', letters) == 0 then redis.call('HDEL', KEYS[5], origin.fingerprint) end
end

local function take_one(id)
    local job = ARGV[5] .. id
    local is_job = redis.call('TYPE', job).ok == 'hash'
    local origin = {status = is_job and redis.call('HGET', job, 'status') or ''}
    if STATE == 'quarantined' then
        origin.note = redis.call('HGET', KEYS[1], id)
        if not origin.note then return 'absent' end
        redis.call('HDEL', KEYS[1], id)
        redis.call('HDEL', KEYS[2], id)
        redis.call('HDEL', KEYS[3], id)
        redis.call('LREM', KEYS[4], 0, id)
        return origin
    end
    origin.score = redis.call('ZSCORE', KEYS[1], id)
    if not origin.score then return 'absent' end
    -- Somebody may have enqueued the id again: its hash is the living job's then.
    local living = {queued = true, started = true, ready_to_enqueue = true, rate_limited = true}
    if living[origin.status] then return origin.status end
    redis.call('ZREM', KEYS[1], id)
    if STATE == 'failed' and is_job then forget_cause(id, job, origin) end
    return origin
end

-- Take all that the call names and hand each to `put(id, job, origin)`; `job` is nil where the id has no hash.
local function each(put)
    local words = {}
    if STATE == 'queued' then take_waiting(words) end
    local reply = {}
    for n = FIRST, #ARGV, 2 do
        local id = ARGV[n]
        local origin = words[n] or take_one(id)
        if type(origin) == 'table' then
            origin.state = STATE
            local job = ARGV[5] .. id
            local is_job = redis.call('TYPE', job).ok == 'hash'
            local limit = is_job and redis.call('HGET', job, 'rate_limit_key')
            put(id, is_job and job or nil, origin)
            origin = limit and limit ~= '' and 'limited' or 'done'
        end
        reply[#reply + 1] = origin
    end
    reply[#reply + 1] = shift
    return reply
end
