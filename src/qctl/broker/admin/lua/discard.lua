-- Move jobs to the tail of a trash batch. Begins with take_jobs.lua, which has the rest of its head.
-- KEYS
--   batch_jobs LIST
--   batch HASH
--   batches ZSET
--   origins HASH of where the batch's jobs came from
-- ARGV
--   batch_id
--   batch_field: field of a job's hash that has its batch
--   changed_field: field of a job's hash that has the time of its removal
--   unfinished_field: field of the batch while its action runs
--   expires_ms: when the batch expires
--   batch_record...: fields and values of the batch
-- Returns what take_jobs.lua returns
-- Atomic: a job is in its location or in the trash, not in both or neither, and no batch has a job without its record.
local wrong = wrong_location() or wrong_type({batch_jobs, batch, batches, origins})
if wrong then return wrong end
local is_recorded = false
return take_each(function(id, job, origin)
    if not is_recorded then
        redis.call('HSET', batch, unfinished_field, '1', unpack(batch_record))
        redis.call('ZADD', batches, expires_ms, batch_id)
        is_recorded = true
    end
    if job then
        local ttl = redis.call('PTTL', job)
        if ttl > 0 then
            origin.expires = now_ms + ttl
            redis.call('PERSIST', job)
        end
        redis.call('HSET', job, 'status', 'canceled', batch_field, batch_id, changed_field, now_ms)
    end
    origin.position = nil
    redis.call('RPUSH', batch_jobs, id)
    redis.call('HSET', origins, id, cjson.encode(origin))
    record('discarded', id, 'trash ' .. batch_id)
end)
