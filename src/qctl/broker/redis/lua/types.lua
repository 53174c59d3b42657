-- Check the types of keys before anything is written: the beginning of scripts that change all or nothing, not a
-- script itself.
-- KEYS ARGV those of the script that follows
-- Returns nothing. `wrong_type(keys, kinds)` returns the error to reply with if a key holds another type than the kind
--   at its index, and nil otherwise; a key without a kind is not checked, and a missing key fits every kind.
-- Atomic: a command that fails on a type ends a script in its middle, and what it wrote before stays.
local function wrong_type(keys, kinds)
    for n, key in ipairs(keys) do
        local actual = kinds[n] and redis.call('TYPE', key).ok
        if actual and actual ~= 'none' and actual ~= kinds[n] then
            return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. actual .. ', not a ' .. kinds[n])
        end
    end
end

