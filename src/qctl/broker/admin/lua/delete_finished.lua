-- Delete finished jobs for good, with their results.
-- KEYS[1] ZSET finished
-- ARGV[1] prefix of job hashes  ARGV[2] prefix of results  ARGV[3] what the key of a job's dependents ends with
--   then the ids, at most 200
-- Returns how many were deleted
-- Atomic: a job that was enqueued again under its id meanwhile leaves the registry, and its data stays.
local deleted = 0
for n = 4, #ARGV do
    local id = ARGV[n]
    if redis.call('ZREM', KEYS[1], id) == 1 then
        local job = ARGV[1] .. id
        local type = redis.call('TYPE', job).ok
        if type ~= 'hash' or redis.call('HGET', job, 'status') == 'finished' then
            redis.call('DEL', job, ARGV[2] .. id, job .. ARGV[3])
        end
        deleted = deleted + 1
    end
end
return deleted
