-- Delete RQ's record of a job's runs: the beginning of scripts that take a job from its worker, not a script itself.
-- KEYS
--   started ZSET
--   executions ZSET of the job
-- ARGV
--   job_id
--   execution_prefix: prefix of the keys of the job's executions
-- Returns nothing. `delete_runs()` deletes the executions and takes the job out of the started.
-- Atomic: the script that follows gives the job another place in the same step.
-- A member is `job:execution`, or before RQ 2.0 the job's id alone.
local function delete_runs()
    for _, member in ipairs(redis.call('ZRANGE', started, 0, -1)) do
        local execution = string.sub(member, 1, #job_id + 1) == job_id .. ':' and string.sub(member, #job_id + 2)
        if member == job_id or (execution and not string.find(execution, ':', 1, true)) then
            redis.call('ZREM', started, member)
            if execution then redis.call('DEL', execution_prefix .. execution) end
        end
    end
    redis.call('DEL', executions)
end
