-- Delete jobs for good, with their results: those at the head of a queue, or of a trash batch.
-- KEYS[1] LIST of ids  then for a batch: KEYS[2] HASH of the batch  KEYS[3] ZSET of batches
--   KEYS[4] HASH of where the batch's jobs came from
-- ARGV[1] most jobs, at most 200  ARGV[2] prefix of job hashes  ARGV[3] prefix of results
--   ARGV[4] what the key of a job's dependents ends with  ARGV[5] batch, empty for a queue
--   ARGV[6] field of a job hash that names its batch  ARGV[7] prefix of the queue's counts, empty for a batch
-- Returns {how many left the list, how many of them were deleted}. The others were enqueued again meanwhile or run.
-- Atomic: an id leaves its list in the step that deletes its data. The emptied batch goes in the same step.
local wrong = wrong_type(KEYS, {'list', 'hash', 'zset', 'hash'})
if wrong then return wrong end
local depth = redis.call('LLEN', KEYS[1])
local ids = depth > 0 and redis.call('LPOP', KEYS[1], ARGV[1]) or {}
local deleted = 0
for _, id in ipairs(ids) do
    local job = ARGV[2] .. id
    local ours = true
    if redis.call('TYPE', job).ok == 'hash' then
        local fields = redis.call('HMGET', job, 'status', ARGV[6])
        if ARGV[5] == '' then
            ours = fields[1] ~= 'started'
        else
            ours = fields[1] == 'canceled' and fields[2] == ARGV[5]
        end
    end
    if ARGV[5] ~= '' then redis.call('HDEL', KEYS[4], id) end
    if ours then
        redis.call('UNLINK', job, ARGV[3] .. id, job .. ARGV[4])
        deleted = deleted + 1
    end
end
if ARGV[5] ~= '' and depth == #ids then
    redis.call('DEL', KEYS[2], KEYS[4])
    redis.call('ZREM', KEYS[3], ARGV[5])
end
if ARGV[7] ~= '' and #ids > 0 then
    local minute = math.floor(redis.call('TIME')[1] / 60)
    local counts = ARGV[7] .. math.floor(minute / 60)
    redis.pcall('HINCRBY', counts, minute % 60 .. '.removed', #ids)
    if redis.pcall('HSETNX', counts, minute % 60 .. '.depth', depth) == 1 then redis.call('EXPIRE', counts, 172800) end
end
return {#ids, deleted}
