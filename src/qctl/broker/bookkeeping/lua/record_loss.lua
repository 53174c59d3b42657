-- Record that Redis has lost data, if no other process has recorded it for the current data.
-- KEYS
--   identity HASH
--   events STREAM
-- ARGV
--   loss: a sentence
--   same_ms: time after the last record within which another loss counts as the same
--   actor
--   max_events
-- Returns 1 recorded, 0 it was recorded before
-- Atomic: several processes notice a loss at once.
local wrong = wrong_type({identity, events})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = tonumber(redis.call('HGET', identity, 'lost_at') or '')
if last and now - last < tonumber(same_ms) then return 0 end
redis.call('HSET', identity, 'lost_at', string.format('%.0f', now), 'loss', loss)
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'lost', 'actor', actor, 'reason', loss)
return 1
