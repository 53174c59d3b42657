-- Put jobs from the tail of a trash batch back to the head of their queue. Call it until the batch is empty: the queue
-- has its old order then.
-- KEYS[1] LIST of the batch's jobs  KEYS[2] HASH of the batch  KEYS[3] ZSET of batches  KEYS[4] LIST waiting
--   KEYS[5] SET of queues  KEYS[6] STREAM of events
-- ARGV[1] most jobs, at most 200  ARGV[2] prefix of job hashes  ARGV[3] batch
--   ARGV[4] field of a job hash that names its batch  ARGV[5] queue  ARGV[6] who  ARGV[7] cap of the stream
--   ARGV[8] prefix of the queue's counts
-- Returns {how many left the batch, how many of them were put back}. The others are gone, or were enqueued again
--   meanwhile; each leaves an event.
-- Atomic: a job is in the queue or in the trash, never in both or neither. The emptied batch goes in the same step.
local kinds = {'list', 'hash', 'zset', 'list', 'set', 'stream'}
for n, kind in ipairs(kinds) do
    local found = redis.call('TYPE', KEYS[n]).ok
    if found ~= 'none' and found ~= kind then
        return redis.error_reply('WRONGTYPE ' .. KEYS[n] .. ' is a ' .. found .. ', not a ' .. kind)
    end
end
local left = redis.call('LLEN', KEYS[1])
local ids = left > 0 and redis.call('RPOP', KEYS[1], ARGV[1]) or {}
local restored = 0
for _, id in ipairs(ids) do
    local job = ARGV[2] .. id
    local type = redis.call('TYPE', job).ok
    local reason = nil
    if type == 'none' then
        reason = 'its data is gone'
    elseif type == 'hash' then
        local fields = redis.call('HMGET', job, 'status', ARGV[4])
        if fields[1] == 'canceled' and fields[2] == ARGV[3] then
            redis.call('HSET', job, 'status', 'queued')
            redis.call('HDEL', job, ARGV[4])
        else
            reason = 'it was enqueued again meanwhile'
        end
    end
    if reason then
        redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[7], '*', 'event', 'discarded', 'queue', ARGV[5], 'job', id,
            'actor', ARGV[6], 'reason', reason)
    else
        -- What is not a hash waited before it was cleared: it goes back too, and a worker quarantines it.
        redis.call('LPUSH', KEYS[4], id)
        restored = restored + 1
    end
end
if restored > 0 then
    redis.call('SADD', KEYS[5], KEYS[4])
    -- What comes back was not removed after all: else it would count as arriving once more.
    local minute = math.floor(redis.call('TIME')[1] / 60)
    local counts = ARGV[8] .. math.floor(minute / 60)
    redis.pcall('HINCRBY', counts, minute % 60 .. '.removed', -restored)
    redis.pcall('EXPIRE', counts, 172800)
end
if left == #ids then
    redis.call('DEL', KEYS[2])
    redis.call('ZREM', KEYS[3], ARGV[3])
end
return {#ids, restored}
