-- Enqueue deferred jobs without waiting for their dependencies. Begins with take_jobs.lua, which has the rest of its
-- head.
-- KEYS
--   waiting LIST
-- ARGV
--   dependencies_prefix: of the SET of a job's dependencies, before its id
--   dependencies_suffix: of that key, after its id
--   dependents_suffix: of the key of a job's dependents, after the key of its hash
-- Returns what take_jobs.lua returns, for jobs with a hash; `absent` for others
-- Atomic: a job leaves the deferred ones in the step that enqueues it, and no dependency enqueues it again.
local wrong = wrong_location() or wrong_type({waiting})
if wrong then return wrong end
return take_each(function(id, job)
    if not job then return end
    local dependencies = dependencies_prefix .. id .. dependencies_suffix
    for _, other in ipairs(redis.call('SMEMBERS', dependencies)) do
        redis.call('SREM', job_prefix .. other .. dependents_suffix, id)
    end
    redis.call('DEL', dependencies)
    put_in_queue(id, job, waiting, redis.call('HGET', job, 'enqueue_at_front') == '1')
    record('enqueued', id, 'released: it no longer waits for its dependencies')
end)
