-- Look at the types of keys before anything is written: the beginning of scripts that change all or nothing, not a
-- script itself.
-- KEYS ARGV those of the script that follows
-- Returns nothing. `wrong_type(keys, kinds)` is the error to return where a key holds another type than the kind at its
--   index, and nil where none does; a key without a kind is not looked at, and one that is not there fits.
-- Atomic: a command that stumbles over a type ends a script in its middle, and what it wrote before stays.
local function wrong_type(keys, kinds)
    for n, key in ipairs(keys) do
        local found = kinds[n] and redis.call('TYPE', key).ok
        if found and found ~= 'none' and found ~= kinds[n] then
            return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found .. ', not a ' .. kinds[n])
        end
    end
end

