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
