-- Keep the longest pauses of seven days: a part of the scripts that know when something came, not a script itself.
-- KEYS none of its own
-- ARGV none of its own
-- Returns nothing. `pauses_after(text, pause_ms, now_ms)` returns `count day p0 ... p6` after one more pause; `text` is
--   that before, empty or false at the first one.
-- Atomic: it writes nothing.
local PAUSE_DAYS = 7

local function pauses_after(text, pause_ms, now_ms)
    local numbers = {}
    for word in string.gmatch(text or '', '%d+') do numbers[#numbers + 1] = tonumber(word) end
    if #numbers ~= PAUSE_DAYS + 2 then
        numbers = {0, 0}
        for n = 3, PAUSE_DAYS + 2 do numbers[n] = 0 end
    end
    local day = math.floor(now_ms / 86400000)
    local passed = math.min(math.max(day - numbers[2], 0), PAUSE_DAYS)
    for n = PAUSE_DAYS + 2, 3, -1 do numbers[n] = n - passed >= 3 and numbers[n - passed] or 0 end
    numbers[1] = math.min(numbers[1] + 1, 999999)
    numbers[2] = math.max(day, numbers[2])
    numbers[3] = math.max(numbers[3], math.floor(pause_ms))
    return table.concat(numbers, ' ')
end

