-- Count one more mark in the identity of the data, and give data without an identity a new one.
-- KEYS
--   identity HASH
-- ARGV
--   new_epoch: the identity of data that has none
-- Returns {epoch, count, milliseconds between the mark before and this one, 0 for the first; run id of the server, empty
--   if the user may not ask}
-- Atomic: two schedulers give the same data one identity.
local wrong = wrong_type({identity})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSETNX', identity, 'epoch', new_epoch)
local before = redis.call('HMGET', identity, 'epoch', 'at')
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
redis.call('HSET', identity, 'at', string.format('%.0f', now), 'run', run)
return {before[1], redis.call('HINCRBY', identity, 'count', 1), now - (tonumber(before[2]) or now), run}
