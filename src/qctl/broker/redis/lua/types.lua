-- Check the types of keys before anything is written: the beginning of scripts that change all or nothing, not a
-- script itself.
-- KEYS ARGV those of the script that follows
-- Returns nothing. `wrong_type(keys)` is the error to return if one of them holds another type than the head of its
--   script declares, and nil if none does; a key that does not exist fits. A script that names its keys by number gives
--   the types itself, `wrong_type(keys, kinds)`: a key without a kind is not checked.
-- Atomic: a command that fails on a type ends a script in its middle, and what it wrote before stays.
local function wrong_type(keys, kinds)
    for n, key in ipairs(keys) do
        local kind
        if kinds then kind = kinds[n] else kind = KIND[key] end
        local found = kind and redis.call('TYPE', key).ok
        if found and found ~= 'none' and found ~= kind then
            return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found .. ', not a ' .. kind)
        end
    end
end
