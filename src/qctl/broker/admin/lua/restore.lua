-- Put jobs from the tail of a trash batch back to where they came from, waiting ones to the head of their queue. Call
-- it until the batch is empty: the queue has its old order then.
-- KEYS[1] LIST of the batch's jobs  KEYS[2] HASH of the batch  KEYS[3] ZSET of batches  KEYS[4] LIST waiting
--   KEYS[5] SET of queues  KEYS[6] STREAM of events  KEYS[7] HASH of where the batch's jobs came from
--   KEYS[8] HASH quarantine  KEYS[9] HASH of causes  KEYS[10] ZSET scheduled  KEYS[11] ZSET deferred
--   KEYS[12] ZSET finished  KEYS[13] ZSET failed  KEYS[14] ZSET canceled
-- ARGV[1] most jobs, at most 200  ARGV[2] prefix of job hashes  ARGV[3] batch
--   ARGV[4] field of a job hash that names its batch  ARGV[5] queue  ARGV[6] who  ARGV[7] cap of the stream
--   ARGV[8] prefix of the queue's counts  ARGV[9] prefix of the causes' letters
-- Returns {how many left the batch, how many of them were put back}. The others are gone, or were enqueued again
--   meanwhile; each leaves an event.
-- Atomic: a job is in its place or in the trash, never in both or neither. The emptied batch goes in the same step.
local wrong = wrong_type(KEYS, {'list', 'hash', 'zset', 'list', 'set', 'stream', 'hash', 'hash', 'hash', 'zset',
    'zset', 'zset', 'zset', 'zset'})
if wrong then return wrong end
local registries = {scheduled = KEYS[10], deferred = KEYS[11], finished = KEYS[12], failed = KEYS[13],
    canceled = KEYS[14]}

-- What `discard` noted of the id. What was cleared waited, and has no note.
local function origin_of(id)
    local raw = redis.call('HGET', KEYS[7], id)
    local ok, origin = pcall(cjson.decode, raw or '')
    if not ok or type(origin) ~= 'table' then origin = {} end
    return origin
end

local function enter_cause(id, origin)
    if not (origin.fingerprint and origin.died) then return end
    local letters = ARGV[9] .. origin.fingerprint
    local found = redis.call('TYPE', letters).ok
    if found ~= 'none' and found ~= 'zset' then return end
    redis.call('ZADD', letters, origin.died, id)
    if origin.cause then redis.call('HSETNX', KEYS[9], origin.fingerprint, origin.cause) end
end

local waiting, restored = 0, 0

local function put_back(id, origin)
    local registry = registries[origin.state]
    if registry and origin.score then
        redis.call('ZADD', registry, origin.score, id)
        enter_cause(id, origin)
    elseif origin.state == 'quarantined' and origin.note then
        redis.call('HSET', KEYS[8], id, origin.note)
    else
        -- What is not a hash waited before it was cleared: it goes back too, and a worker quarantines it.
        redis.call('LPUSH', KEYS[4], id)
        waiting = waiting + 1
    end
    restored = restored + 1
end

local left = redis.call('LLEN', KEYS[1])
local ids = left > 0 and redis.call('RPOP', KEYS[1], ARGV[1]) or {}
for _, id in ipairs(ids) do
    local job = ARGV[2] .. id
    local type = redis.call('TYPE', job).ok
    local origin = origin_of(id)
    redis.call('HDEL', KEYS[7], id)
    local reason = nil
    if type == 'none' and origin.state ~= 'quarantined' then
        reason = 'its data is gone'
    elseif type == 'hash' then
        local fields = redis.call('HMGET', job, 'status', ARGV[4])
        if fields[1] == 'canceled' and fields[2] == ARGV[3] then
            local status = origin.status
            redis.call('HSET', job, 'status', status and status ~= '' and status or 'queued')
            redis.call('HDEL', job, ARGV[4])
            if origin.expires then redis.call('PEXPIREAT', job, string.format('%.0f', origin.expires)) end
        else
            reason = 'it was enqueued again meanwhile'
        end
    end
    if reason then
        redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[7], '*', 'event', 'discarded', 'queue', ARGV[5], 'job', id,
            'actor', ARGV[6], 'reason', reason)
    else
        put_back(id, origin)
    end
end
if restored > 0 then redis.call('SADD', KEYS[5], KEYS[4]) end
if waiting > 0 then
    -- What comes back was not removed after all: else it would count as arriving once more.
    local minute = math.floor(redis.call('TIME')[1] / 60)
    local counts = ARGV[8] .. math.floor(minute / 60)
    redis.pcall('HINCRBY', counts, minute % 60 .. '.removed', -waiting)
    redis.pcall('EXPIRE', counts, 172800)
end
if left == #ids then
    redis.call('DEL', KEYS[2], KEYS[7])
    redis.call('ZREM', KEYS[3], ARGV[3])
end
return {#ids, restored}
