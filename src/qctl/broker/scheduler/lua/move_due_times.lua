-- Move due times back after a step of Redis's clock, so that what is due soon keeps its wait.
-- KEYS
--   scheduled ZSET
-- ARGV
--   before: time before the step, in seconds
--   after: time after it
--   unhandled: seconds before the step in which a due job may not have been enqueued yet
--   limit: jobs to move
-- Returns the number of jobs moved: call it again if this is `limit`
-- Atomic: a job that another scheduler enqueues meanwhile does not come back. Due times that were moved are below those
--   that a call moves, so it may be repeated.
local wrong = wrong_type({scheduled})
if wrong then return wrong end
local step, margin = before - after, tonumber(unhandled)
local due = redis.call('ZRANGEBYSCORE', scheduled, before - margin, '(' .. before, 'LIMIT', 0, limit)
for _, id in ipairs(due) do redis.call('ZADD', scheduled, after, id) end
if #due == tonumber(limit) then return #due end
local soon = redis.call('ZRANGEBYSCORE', scheduled, before, '(' .. (before + step - margin), 'WITHSCORES', 'LIMIT', 0,
    limit - #due)
for n = 1, #soon, 2 do redis.call('ZADD', scheduled, soon[n + 1] - step, soon[n]) end
return #due + #soon / 2
