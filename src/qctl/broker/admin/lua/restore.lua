-- Put jobs from the tail of a trash batch back to where they came from, waiting ones to the head of their queue. Call
-- it until the batch is empty: the queue has its old order then.
-- KEYS
--   batch_jobs LIST
--   batch HASH
--   batches ZSET
--   origins HASH of where the batch's jobs came from
--   waiting LIST
--   queues SET
--   quarantine HASH
--   causes HASH
--   scheduled ZSET
--   deferred ZSET
--   finished ZSET
--   failed ZSET
--   canceled ZSET
-- ARGV
--   limit: jobs to put back, at most 200
--   job_prefix: of the hashes of jobs
--   batch_id
--   batch_field: field of a job's hash that has its batch
--   changed_field: field of a job's hash that has the time of its removal
--   queue
--   cause_prefix: of the sorted sets of dead letters by cause
-- Returns {how many left the batch, how many of them were put back}. The others are gone, or were enqueued again
--   meanwhile; each leaves an event.
-- Atomic: a job is in its location or in the trash, never in both or neither. The emptied batch goes in the same step.
local wrong = wrong_type({batch_jobs, batch, batches, origins, waiting, queues, quarantine, causes, scheduled, deferred,
    finished, failed, canceled, audit, act, events})
if wrong then return wrong end
local registries = {scheduled = scheduled, deferred = deferred, finished = finished, failed = failed,
    canceled = canceled}

-- The location that `discard` noted. A job that was cleared had waited, and has no note.
local function origin_of(id)
    local ok, origin = pcall(cjson.decode, redis.call('HGET', origins, id) or '')
    if not ok or type(origin) ~= 'table' then origin = {} end
    return origin
end

local function index_cause(id, origin)
    if not (origin.fingerprint and origin.died) then return end
    local letters = cause_prefix .. origin.fingerprint
    local kind = redis.call('TYPE', letters).ok
    if kind ~= 'none' and kind ~= 'zset' then return end
    redis.call('ZADD', letters, origin.died, id)
    if origin.cause then redis.call('HSETNX', causes, origin.fingerprint, origin.cause) end
end

local restored, restored_waiting = 0, 0

local function put_back(id, origin)
    local registry = registries[origin.state]
    if registry and origin.score then
        redis.call('ZADD', registry, origin.score, id)
        index_cause(id, origin)
    elseif origin.state == 'quarantined' and origin.note then
        redis.call('HSET', quarantine, id, origin.note)
    else
        -- An id without a hash waited before it was cleared: it goes back too, and a worker quarantines it.
        redis.call('LPUSH', waiting, id)
        restored_waiting = restored_waiting + 1
    end
    restored = restored + 1
end

-- Give a job its old status. Returns why it cannot be put back, nil if it can.
local function revive(id, origin)
    local job = job_prefix .. id
    local kind = redis.call('TYPE', job).ok
    if kind == 'none' and origin.state ~= 'quarantined' then return 'its data is gone' end
    if kind ~= 'hash' then return nil end
    local fields = redis.call('HMGET', job, 'status', batch_field)
    if fields[1] ~= 'canceled' or fields[2] ~= batch_id then return 'it was enqueued again meanwhile' end
    local status = origin.status
    redis.call('HSET', job, 'status', status and status ~= '' and status or 'queued')
    redis.call('HDEL', job, batch_field, changed_field)
    if origin.expires then redis.call('PEXPIREAT', job, string.format('%.0f', origin.expires)) end
end

local count = redis.call('LLEN', batch_jobs)
local ids = count > 0 and redis.call('RPOP', batch_jobs, limit) or {}
for _, id in ipairs(ids) do
    local origin = origin_of(id)
    redis.call('HDEL', origins, id)
    local reason = revive(id, origin)
    if reason then
        redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'discarded', 'queue', queue, 'job', id,
            'actor', actor, 'reason', reason)
    else
        put_back(id, origin)
    end
end
if restored > 0 then
    redis.call('SADD', queues, waiting)
    record_event('restored', queue, restored, 'trash ' .. batch_id)
end
record_step(#ids)
-- A job that comes back was not removed after all: else it would count as arriving once more.
if restored_waiting > 0 then count_removed(-restored_waiting) end
if count == #ids then
    redis.call('DEL', batch, origins)
    redis.call('ZREM', batches, batch_id)
end
return {#ids, restored}
