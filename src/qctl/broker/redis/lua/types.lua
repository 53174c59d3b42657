-- Check the types of keys before anything is written: the beginning of scripts that change all or nothing, not a
-- script itself.
-- KEYS ARGV those of the script that follows
-- Returns nothing. `wrong_type(keys)` returns the error to reply with if one of them holds another type than the
--   script's head declares, and nil otherwise; a missing key fits every type. `wrong_type(keys, kind)` checks keys
--   whose type depends on the arguments.
-- Atomic: a command that fails on a type ends a script in its middle, and its earlier writes stay.
local function wrong_type(keys, kind)
    for _, key in ipairs(keys) do
        local expected, actual = kind or KIND[key], redis.call('TYPE', key).ok
        if actual ~= 'none' and actual ~= expected then
            return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. actual .. ', not a ' .. expected)
        end
    end
end

