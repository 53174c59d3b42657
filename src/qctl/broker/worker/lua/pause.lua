-- Hold a queue and say which jobs were claimed before it held.
-- KEYS[1] HASH of pauses  KEYS[2] STREAM of events  then one a lane: LIST intermediate
-- ARGV[1] queue  ARGV[2] who  ARGV[3] reason  ARGV[4] for how long (ms), 0 until somebody resumes
--   ARGV[5] cap of the stream
-- Returns {1 if this changed anything else 0, the pause as JSON, ids of lane 1, ids of lane 2, ...}
-- Atomic: every claim is either in the lists returned here or comes after the pause and finds it.
local kinds = {'hash', 'stream'}
for n = 3, #KEYS do kinds[n] = 'list' end
local wrong = wrong_type(KEYS, kinds)
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local raw = redis.call('HGET', KEYS[1], ARGV[1])
local changed = 1
local reason = ARGV[3]
local ok, before = pcall(cjson.decode, raw or '')
if ok and type(before) == 'table' and reason == '' then
    local ends = type(before['until']) == 'number' and before['until']
    -- A pause without an end is left as it is; one that ends by itself is made to stay, with the reason it has.
    if not ends and tonumber(ARGV[4]) == 0 then changed = 0 end
    if not ends or ends > now then reason = tostring(before['reason'] or '') end
end
-- Nobody cuts short what another operator holds: a pause of theirs that ends later, or never, stays. The breaker is
-- no operator.
if ok and type(before) == 'table' and before['by'] ~= ARGV[2] and before['by'] ~= 'breaker' and tonumber(ARGV[4]) > 0 then
    local ends = before['until']
    if type(ends) ~= 'number' or ends > now + tonumber(ARGV[4]) then changed = 0 end
end
if changed == 1 then
    local pause = {by = ARGV[2], at = now, reason = reason}
    if tonumber(ARGV[4]) > 0 then pause['until'] = now + tonumber(ARGV[4]) end
    raw = cjson.encode(pause)
    redis.call('HSET', KEYS[1], ARGV[1], raw)
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', 'event', 'paused', 'queue', ARGV[1], 'actor', ARGV[2],
        'reason', reason)
end
local reply = {changed, raw}
for n = 3, #KEYS do reply[n] = redis.call('LRANGE', KEYS[n], 0, -1) end
return reply
