-- Put dead letters and canceled jobs of one queue back to its tail.
-- KEYS[1] ZSET failed  KEYS[2] HASH quarantine  KEYS[3] LIST waiting  KEYS[4] HASH of recoveries  KEYS[5] HASH claims
--   KEYS[6] LIST intermediate  KEYS[7] SET of queues  KEYS[8] HASH of causes  KEYS[9] STREAM of events
--   KEYS[10] ZSET canceled
-- ARGV[1] queue  ARGV[2] prefix of job hashes  ARGV[3] now (RQ's format)  ARGV[4] now (s)  ARGV[5] who
--   ARGV[6] cap of the stream  ARGV[7] field of the fingerprint  ARGV[8] prefix of the causes' letters
--   ARGV[9] ARGV[10] what the key of a rate limit's waiting jobs begins and ends with  then the ids, at most 50
-- Returns one word an id: `done` · `limited` it waits for its rate limit · `absent` no such letter ·
--   `gone` its data is · `unreadable` · else its status: it is not dead; or why not, in words
-- Atomic: a letter leaves the dead in the step that enqueues it, so two operators or a double click run it once.
local wrong = wrong_type(KEYS, {'zset', 'hash', 'list', 'hash', 'hash', 'list', 'set', 'hash', 'stream', 'zset'})
if wrong then return wrong end
local alive = {queued = true, started = true, scheduled = true, deferred = true, finished = true,
    rate_limited = true, ready_to_enqueue = true}

local function forget_cause(id, job)
    local fingerprint = redis.call('HGET', job, ARGV[7])
    if not fingerprint then return end
    redis.call('HDEL', job, ARGV[7])
    local letters = ARGV[8] .. fingerprint
    if redis.call('TYPE', letters).ok ~= 'zset' then return end
    redis.call('ZREM', letters, id)
    if redis.call('EXISTS', letters) == 0 then redis.call('HDEL', KEYS[8], fingerprint) end
end

local function retry(id)
    if not redis.call('ZSCORE', KEYS[1], id) and redis.call('HEXISTS', KEYS[2], id) == 0
        and not redis.call('ZSCORE', KEYS[10], id) then return 'absent' end
    local job = ARGV[2] .. id
    local type = redis.call('TYPE', job).ok
    if type == 'none' then return 'gone' end
    if type ~= 'hash' then return 'unreadable' end
    local fields = redis.call('HMGET', job, 'status', 'data', 'rate_limit_key', 'rate_limit_concurrency')
    if not fields[2] then return 'unreadable' end
    if fields[1] and alive[fields[1]] then return fields[1] end
    local limited = fields[3] and fields[3] ~= '' and tonumber(fields[4]) and ARGV[9] .. fields[3] .. ARGV[10]
    if limited and wrong_type({limited}, {'zset'}) then return 'a key of its rate limit holds another type' end

    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
    redis.call('ZREM', KEYS[10], id)
    redis.call('HDEL', KEYS[4], id)
    redis.call('HDEL', KEYS[5], id)
    redis.call('LREM', KEYS[6], 0, id)
    forget_cause(id, job)
    redis.call('PERSIST', job)
    redis.call('HSET', job, 'enqueued_at', ARGV[3], 'started_at', '', 'ended_at', '', 'worker_name', '')
    redis.call('XADD', KEYS[9], 'MAXLEN', '~', ARGV[6], '*', 'event', 'requeued', 'queue', ARGV[1], 'job', id,
        'actor', ARGV[5])
    if limited then
        redis.call('HSET', job, 'status', 'rate_limited')
        redis.call('ZADD', limited, ARGV[4], id)
        return 'limited'
    end
    redis.call('HSET', job, 'status', 'queued')
    redis.call('RPUSH', KEYS[3], id)
    redis.call('SADD', KEYS[7], KEYS[3])
    return 'done'
end

local reply = {}
for n = 11, #ARGV do reply[n - 10] = retry(ARGV[n]) end
return reply
