-- Move jobs to the tail of a trash batch. Begins with take_jobs.lua, which says what is not said here.
-- KEYS[7] LIST of the batch's jobs  KEYS[8] HASH of the batch  KEYS[9] ZSET of batches
--   KEYS[10] HASH of where the batch's jobs came from
-- ARGV[10] batch  ARGV[11] field of a job hash that names its batch  ARGV[12] when the batch expires (ms)
--   then the batch's own fields and values
-- Returns what take_jobs.lua returns
-- Atomic: a job is in its place or in the trash, never in both or neither, and no batch holds a job without its record.
local wrong = check({'list', 'hash', 'zset', 'hash'})
if wrong then return wrong end
local batched = false
return each(function(id, job, origin)
    if not batched then
        redis.call('HSET', KEYS[8], unpack(ARGV, 13, FIRST - 1))
        redis.call('ZADD', KEYS[9], ARGV[12], ARGV[10])
        batched = true
    end
    if job then
        local ttl = redis.call('PTTL', job)
        if ttl > 0 then
            origin.expires = NOW + ttl
            redis.call('PERSIST', job)
        end
        redis.call('HSET', job, 'status', 'canceled', ARGV[11], ARGV[10])
    end
    origin.position = nil
    redis.call('RPUSH', KEYS[7], id)
    redis.call('HSET', KEYS[10], id, cjson.encode(origin))
    tell('discarded', id, 'trash ' .. ARGV[10])
end)
