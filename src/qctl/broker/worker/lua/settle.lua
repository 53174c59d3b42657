-- Remove the claim on a job that its claimant has done with.
-- KEYS[1] LIST intermediate  KEYS[2] HASH claims  KEYS[3] HASH of recoveries
-- ARGV[1] id  ARGV[2] claimant
-- Returns 1 removed, 0 the claim is no longer the claimant's
-- Atomic: a claim that another has made meanwhile, because the job was retried or its worker seemed dead, stays.
local claim = redis.call('HGET', KEYS[2], ARGV[1])
if not claim or string.sub(claim, 1, #ARGV[2] + 1) ~= ARGV[2] .. '|' then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('LREM', KEYS[1], -1, ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
