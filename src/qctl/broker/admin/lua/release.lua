-- Enqueue deferred jobs without waiting for their dependencies. Begins with take_jobs.lua, which has the rest of its
-- head.
-- KEYS
--   waiting LIST
-- ARGV
--   dependencies_prefix: of the SET of a job's dependencies, before its id
--   dependencies_suffix: of that key, after its id
-- Returns what take_jobs.lua returns, for jobs with a hash; `absent` for others
-- Atomic: a job leaves the deferred ones in the step that enqueues it, and no dependency enqueues it again.
local wrong = wrong_location() or wrong_type({waiting})
if wrong then return wrong end
return take_each(function(id, job)
    if not job then return end
    leave_dependencies(id)
    redis.call('DEL', dependencies_prefix .. id .. dependencies_suffix)
    put_in_queue(id, job, waiting, redis.call('HGET', job, 'enqueue_at_front') == '1')
    record('enqueued', id, 'released: it no longer waits for its dependencies')
end)
