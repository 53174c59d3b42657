-- Take a job off the dependents of what it waited for: a part of the scripts that enqueue jobs themselves, not a script
-- itself.
-- KEYS none of its own
-- ARGV
--   job_prefix: of the hashes of jobs
--   dependencies_prefix: of the SET of a job's dependencies, before its id
--   dependencies_suffix: of that key, after its id
--   dependents_suffix: of the key of a job's dependents, after the key of its hash
-- Returns nothing. `leave_dependencies(id)` is for a job that is being enqueued.
-- Atomic: the job is enqueued in the same step, so that no dependency that finishes later enqueues it again. A key of
--   another type is left as it is.
local function leave_dependencies(id)
    for _, other in ipairs(redis.pcall('SMEMBERS', dependencies_prefix .. id .. dependencies_suffix)) do
        redis.pcall('SREM', job_prefix .. other .. dependents_suffix, id)
    end
end

