local leases = unpack(KEYS, 1, 1)
local claimant, lease_ms = unpack(ARGV, 1, 2)
-- Renew a claimant's lease by Redis's clock.
-- KEYS
--   leases ZSET
-- ARGV
--   claimant
--   lease_ms
-- Returns 1 if the lease had not run out, 0 if it had
-- Atomic: the clock is read and the lease written in one step, regardless of the clocks of workers.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('ZSCORE', leases, claimant)
-- A Redis that is full refuses a script whose first write may take memory: all leases would run out, and live workers
-- would lose their jobs.
redis.call('ZREM', leases, claimant)
redis.call('ZADD', leases, now + tonumber(lease_ms), claimant)
if before and tonumber(before) > now then return 1 end
return 0
