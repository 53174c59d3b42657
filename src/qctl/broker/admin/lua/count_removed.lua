-- Count jobs that left a queue without a worker: a part of the scripts that remove waiting jobs, not a script itself.
-- KEYS none of its own
-- ARGV
--   counts_prefix: of the queue's counts
-- Returns nothing. `count_removed(count, depth)` adds to the counts of this minute. `depth`, the number of jobs that
--   waited before, is recorded if the minute has none yet; it may be nil.
-- Atomic: the jobs leave in the same step. Counts are not worth an error: a key of another type is left as it is.
local function count_removed(count, depth)
    local minute = math.floor(redis.call('TIME')[1] / 60)
    local counts, field = counts_prefix .. math.floor(minute / 60), minute % 60
    redis.pcall('HINCRBY', counts, field .. '.removed', count)
    if not depth or redis.pcall('HSETNX', counts, field .. '.depth', depth) == 1 then
        redis.pcall('EXPIRE', counts, 172800)
    end
end

