-- Move waiting jobs from the head of a queue to the tail of a trash batch.
-- KEYS[1] LIST waiting  KEYS[2] LIST of the batch's jobs  KEYS[3] HASH of the batch  KEYS[4] ZSET of batches
-- ARGV[1] most jobs, at most 200  ARGV[2] prefix of job hashes  ARGV[3] prefix of the queue's counts  ARGV[4] batch
--   ARGV[5] field of a job hash that names its batch  ARGV[6] when the batch expires (ms)
--   then the batch's own fields and values
-- Returns how many were moved
-- Atomic: a job is in the queue or in the trash, never in both or neither, and no batch holds a job without its record.
local wrong = wrong_type(KEYS, {'list', 'list', 'hash', 'zset'})
if wrong then return wrong end
local depth = redis.call('LLEN', KEYS[1])
local ids = depth > 0 and redis.call('LPOP', KEYS[1], ARGV[1]) or {}
if #ids == 0 then return 0 end
redis.call('RPUSH', KEYS[2], unpack(ids))
redis.call('HSET', KEYS[3], unpack(ARGV, 7))
redis.call('ZADD', KEYS[4], ARGV[6], ARGV[4])
for _, id in ipairs(ids) do
    local job = ARGV[2] .. id
    -- An id that is in the list twice may run already: its hash belongs to its worker then.
    if redis.call('TYPE', job).ok == 'hash' and redis.call('HGET', job, 'status') ~= 'started' then
        redis.call('HSET', job, 'status', 'canceled', ARGV[5], ARGV[4])
    end
end

local minute = math.floor(redis.call('TIME')[1] / 60)
local counts = ARGV[3] .. math.floor(minute / 60)
redis.pcall('HINCRBY', counts, minute % 60 .. '.removed', #ids)
if redis.pcall('HSETNX', counts, minute % 60 .. '.depth', depth) == 1 then redis.call('EXPIRE', counts, 172800) end
return #ids
