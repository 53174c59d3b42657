-- Remove entries of one location whose job has no hash any more.
-- KEYS
--   location LIST, ZSET or HASH that holds the ids
--   causes HASH
-- ARGV
--   queue
--   kind: type of the location: list, zset or hash
--   job_prefix: of the hashes of jobs
--   cause_prefix: of the sorted sets of dead letters by cause
--   reason
--   job_ids...: at most 200
--   members...: entry of each job in the location
-- Returns how many entries were removed
-- Atomic: a job that is created under the same id meanwhile keeps its entry.
local wrong = wrong_type({location}, kind) or wrong_type({causes, audit, act, events})
if wrong then return wrong end
local removed = 0
for n, id in ipairs(job_ids) do
    if redis.call('EXISTS', job_prefix .. id) == 0 then
        if kind == 'list' then
            removed = removed + redis.call('LREM', location, 0, members[n])
        elseif kind == 'hash' then
            removed = removed + redis.call('HDEL', location, members[n])
        else
            removed = removed + redis.call('ZREM', location, members[n])
        end
        for _, fingerprint in ipairs(redis.call('HKEYS', causes)) do
            local letters = cause_prefix .. fingerprint
            if redis.call('TYPE', letters).ok == 'zset' and redis.call('ZREM', letters, id) == 1
                and redis.call('EXISTS', letters) == 0 then redis.call('HDEL', causes, fingerprint) end
        end
    end
end
if removed > 0 then
    record_step(removed)
    record_event('forgotten', queue, removed, reason)
end
return removed
