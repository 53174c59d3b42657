-- Resume a paused queue.
-- KEYS
--   pauses HASH
--   breakers HASH
--   events STREAM
-- ARGV
--   queue
--   actor
--   max_events
--   only: `ended` to remove the pause only if its time is over, else empty
-- Returns 1 if it was paused, else 0
-- Atomic: the check of the pause and its removal are one step, so a pause set meanwhile is not removed with an old one.
local wrong = wrong_type({pauses, breakers, events})
if wrong then return wrong end
local raw = redis.call('HGET', pauses, queue)
if not raw then return 0 end
local time = redis.call('TIME')
local ok, pause = pcall(cjson.decode, raw)
local ends = ok and type(pause) == 'table' and pause['until']
local is_over = type(ends) == 'number' and ends <= time[1] * 1000 + math.floor(time[2] / 1000)
if only == 'ended' and not is_over then return 0 end
redis.call('HDEL', pauses, queue)
-- The number of times the sink was found down is deleted when a person resumes, not when the breaker's time is over.
if only ~= 'ended' then redis.call('HDEL', breakers, queue) end
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'resumed', 'queue', queue, 'actor', actor)
if is_over and only ~= 'ended' then return 0 end
return 1
