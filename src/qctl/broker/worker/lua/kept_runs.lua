-- Define how many runs a job keeps records of, for the script that follows.
-- KEYS ARGV those of the script that follows
-- Returns nothing.
-- Atomic: it runs in the script that adds a record.
local MAX_KEPT_RUNS = 10

-- Delete the records of all runs of a job but the newest.
local function delete_old_runs(job)
    local times, seen = {}, {}
    for _, field in ipairs(redis.call('HKEYS', job)) do
        local time = string.match(field, '^qctl_run_(.+)$') or string.match(field, '^qctl_log_(.+)$')
        if time and not seen[time] then
            times[#times + 1], seen[time] = time, true
        end
    end
    table.sort(times)
    for n = 1, #times - MAX_KEPT_RUNS do
        redis.call('HDEL', job, 'qctl_run_' .. times[n], 'qctl_log_' .. times[n])
    end
end
