-- Remove the claim on a job that its claimant has finished with.
-- KEYS
--   intermediate LIST
--   claims HASH
--   recoveries HASH
-- ARGV
--   job_id
--   claimant
-- Returns 1 removed, 0 the claim is no longer the claimant's
-- Atomic: a claim that another has made meanwhile, because the job was retried or its worker seemed dead, stays.
if not is_claimed() then return 0 end
redis.call('HDEL', claims, job_id)
redis.call('LREM', intermediate, -1, job_id)
redis.call('HDEL', recoveries, job_id)
return 1
