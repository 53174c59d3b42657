-- Note how many messages a broker says that it dropped.
-- KEYS
--   drops HASH
-- ARGV
--   counter: broker and topic of its count
--   value: the count, which begins at 0 when the broker starts
--   max_counters: counts that are kept; of further ones nothing is noted
-- Returns by how many it has grown since it was last told
-- Atomic: several bridges of one broker note a drop once.
local wrong = wrong_type({drops})
if wrong then return wrong end
local before = tonumber(redis.call('HGET', drops, counter) or '')
if not before and redis.call('HLEN', drops) >= tonumber(max_counters) then return 0 end
redis.call('HSET', drops, counter, value)
if not before then return 0 end
local grown = tonumber(value) >= before and value - before or tonumber(value)
if grown > 0 then
    redis.call('HINCRBY', drops, 'dropped', grown)
    local time = redis.call('TIME')
    redis.call('HSET', drops, 'at', time[1] * 1000 + math.floor(time[2] / 1000))
end
return grown
