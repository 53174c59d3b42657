local claims, intermediate, recoveries = unpack(KEYS, 1, 3)
local job_id, claimant = unpack(ARGV, 1, 2)
-- Check whether a job is still claimed by the caller: the beginning of scripts that change a job only then, not a
-- script itself.
-- KEYS
--   claims HASH
-- ARGV
--   job_id
--   claimant
-- Returns nothing. `is_claimed()` is whether the claim on the job is the claimant's.
-- Atomic: the script that follows changes the job in the step that checks, so a job that was given to another is safe.
local function is_claimed()
    local claim = redis.call('HGET', claims, job_id)
    return claim and string.sub(claim, 1, #claimant + 1) == claimant .. '|'
end
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
