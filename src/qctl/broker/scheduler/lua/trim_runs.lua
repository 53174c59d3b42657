-- Trim the history of a schedule to its newest entries: the beginning of scripts that write some, not a script itself.
-- KEYS
--   history HASH
-- ARGV
--   max_runs: entries to keep
-- Returns nothing. `trim_runs()` deletes the entries with the earliest due times; a value begins with its due time (s).
-- Atomic: the script that follows writes in the same step.
local function trim_runs()
    local excess = redis.call('HLEN', history) - tonumber(max_runs)
    if excess <= 0 then return end
    local known, flat = {}, redis.call('HGETALL', history)
    for n = 1, #flat, 2 do
        known[#known + 1] = {field = flat[n], due = tonumber(string.match(flat[n + 1], '^%d+')) or 0}
    end
    table.sort(known, function(a, b) return a.due < b.due end)
    for n = 1, excess do redis.call('HDEL', history, known[n].field) end
end
