-- Count the bytes of a new dead letter, for its owner if the job has one. Begins with budget.lua, which has the rest of
-- its head; its kind is `letters`.
-- KEYS
--   job HASH
--   user_ledger HASH ledger of the jobs of users
-- ARGV
--   job_id
--   queue
--   bytes: of what is kept beside the payload
-- Returns nothing, also if a key holds another type: the job must become a dead letter all the same
-- Atomic: see budget.lua.
if wrong_type({budgets, ledger, user_ledger, job}) then return end
local size = bytes + redis.call('HSTRLEN', job, 'data')
local before, owner = string.match(redis.call('HGET', user_ledger, job_id) or '', '^(%d+) (.*)$')
if not before then return charge(job_id, size, queue) end
if size <= tonumber(before) then return end
redis.call('HSET', user_ledger, job_id, string.format('%.0f %s', size, owner))
for _, field in ipairs({'users', 'users:' .. owner}) do redis.call('HINCRBY', budgets, field, size - before) end
