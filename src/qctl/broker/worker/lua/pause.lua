-- Pause a queue and say which jobs were claimed before.
-- KEYS
--   pauses HASH
--   events STREAM
--   lanes... LIST intermediate of each lane
-- ARGV
--   queue
--   actor
--   reason
--   duration_ms: 0 to pause until it is resumed
--   max_events
-- Returns {1 if this changed anything, else 0, the pause as JSON, ids of lane 1, ids of lane 2, ...}
-- Atomic: every claim is either in the lists returned here or comes after the pause and finds it.
local wrong = wrong_type({pauses, events}) or wrong_type(lanes)
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local duration = tonumber(duration_ms)
local raw = redis.call('HGET', pauses, queue)
local changed = 1
local ok, before = pcall(cjson.decode, raw or '')
if ok and type(before) == 'table' and reason == '' then
    local ends = type(before['until']) == 'number' and before['until']
    -- A pause without an end is left as it is; one that ends by itself is made to stay, with the reason it has.
    if not ends and duration == 0 then changed = 0 end
    if not ends or ends > now then reason = tostring(before['reason'] or '') end
end
-- Nobody shortens another operator's pause: one that ends later, or never, stays. The breaker does not count as an
-- operator.
if ok and type(before) == 'table' and before['by'] ~= actor and before['by'] ~= 'breaker' and duration > 0 then
    local ends = before['until']
    if type(ends) ~= 'number' or ends > now + duration then changed = 0 end
end
if changed == 1 then
    local pause = {by = actor, at = now, reason = reason}
    if duration > 0 then pause['until'] = now + duration end
    raw = cjson.encode(pause)
    -- A Redis that is full refuses a script whose first write may take memory; a pause must work then.
    redis.call('HDEL', pauses, queue)
    redis.call('HSET', pauses, queue, raw)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'paused', 'queue', queue, 'actor', actor,
        'reason', reason)
end
local reply = {changed, raw}
for n, lane in ipairs(lanes) do reply[n + 2] = redis.call('LRANGE', lane, 0, -1) end
return reply
