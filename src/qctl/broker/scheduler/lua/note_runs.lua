-- Write entries of a schedule's history: new ones, or how known ones ended. Begins with trim_runs.lua, which has the
-- rest of its head.
-- KEYS
--   schedules ZSET
-- ARGV
--   schedule_name
--   only_known: 1 to write no entry that is not there
--   entries...: fields and values
-- Returns the number of entries written
-- Atomic: an entry that was trimmed, or whose schedule was removed, is not written again.
local wrong = wrong_type({schedules, history})
if wrong then return wrong end
if not redis.call('ZSCORE', schedules, schedule_name) then return 0 end
local written = 0
for n = 1, entries_count - 1, 2 do
    if only_known ~= '1' or redis.call('HEXISTS', history, entries[n]) == 1 then
        redis.call('HSET', history, entries[n], entries[n + 1])
        written = written + 1
    end
end
trim_runs()
return written
