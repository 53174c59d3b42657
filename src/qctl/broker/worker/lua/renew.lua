-- Renew a claimant's lease by Redis's clock.
-- KEYS[1] ZSET of leases
-- ARGV[1] claimant  ARGV[2] lease (ms)
-- Returns 1 if the lease had not run out, 0 if it had
-- Atomic: the clock is read and the lease written in one step, whatever the clocks of workers say.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
if before and tonumber(before) > now then return 1 end
return 0
