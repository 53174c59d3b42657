-- Cancel jobs that wait, are scheduled or deferred. Begins with take_jobs.lua, which says what is not said here.
-- KEYS[7] ZSET canceled
-- ARGV as in take_jobs.lua, none of its own
-- Returns what take_jobs.lua returns
-- Atomic: a job is canceled in the step that takes it out of its place.
local wrong = check({'zset'})
if wrong then return wrong end
return each(function(id, job)
    redis.call('ZADD', KEYS[7], now[1], id)
    if job then redis.call('HSET', job, 'status', 'canceled') end
    tell('canceled', id, 'it was ' .. STATE)
end)
