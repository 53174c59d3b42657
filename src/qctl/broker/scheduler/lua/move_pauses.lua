-- Move the ends of pauses back after a step of Redis's clock, so that pauses that end soon last as long as they would.
-- KEYS
--   pauses HASH
-- ARGV
--   before: time before the step, in milliseconds
--   after: time after it
--   unhandled: milliseconds before the step whose ends are moved too
-- Returns the number of pauses moved
-- Atomic: a pause that is written meanwhile is kept. Ends that were moved are below those that a call moves, so it may
--   be repeated.
local wrong = wrong_type({pauses})
if wrong then return wrong end
local step, moved, all = before - after, 0, redis.call('HGETALL', pauses)
for n = 1, #all, 2 do
    local ok, pause = pcall(cjson.decode, all[n + 1])
    local ends = ok and type(pause) == 'table' and pause['until']
    if type(ends) == 'number' and ends >= before - unhandled and ends < before + step - unhandled then
        pause['until'] = ends - step
        redis.call('HSET', pauses, all[n], cjson.encode(pause))
        moved = moved + 1
    end
end
return moved
