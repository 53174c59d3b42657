-- Cancel jobs that wait, are scheduled or deferred. Begins with take_jobs.lua, which has the rest of its head.
-- KEYS
--   canceled ZSET
-- ARGV
--   changed_field: field of a job's hash that has the time of its cancellation
-- Returns what take_jobs.lua returns
-- Atomic: a job is canceled in the step that takes it out of its location.
local wrong = wrong_location() or wrong_type({canceled})
if wrong then return wrong end
return take_each(function(id, job)
    redis.call('ZADD', canceled, time[1], id)
    if job then redis.call('HSET', job, 'status', 'canceled', changed_field, now_ms) end
    record('canceled', id, 'it was ' .. state)
end)
