-- Tell one claimant to take nothing new, or to go on.
-- KEYS[1] HASH of quiet claimants  KEYS[2] STREAM of events  then one a queue that it takes from: HASH claims
-- ARGV[1] claimant  ARGV[2] who says so  ARGV[3] name of the worker  ARGV[4] cap of the stream
--   ARGV[5] `quiet` or `resume`
-- Returns {1 if this changed anything else 0, ids that it holds of queue 1, of queue 2, ...}
-- Atomic: every claim of the claimant's is either in the lists returned here or comes after the flag and finds it.
local wrong = wrong_type(KEYS, {'hash', 'stream'})
if wrong then return wrong end
local time = redis.call('TIME')
local changed
if ARGV[5] == 'quiet' then
    local note = cjson.encode({by = ARGV[2], at = time[1] * 1000 + math.floor(time[2] / 1000)})
    changed = redis.call('HSETNX', KEYS[1], ARGV[1], note)
else
    changed = redis.call('HDEL', KEYS[1], ARGV[1])
end
if changed == 1 then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'event', ARGV[5] == 'quiet' and 'quieted' or 'resumed',
        'worker', ARGV[3], 'actor', ARGV[2])
end
local reply = {changed}
for n = 3, #KEYS do
    local held = {}
    local claims = redis.pcall('HGETALL', KEYS[n])
    for i = 1, #claims, 2 do
        if string.sub(claims[i + 1], 1, #ARGV[1] + 1) == ARGV[1] .. '|' then held[#held + 1] = claims[i] end
    end
    reply[n - 1] = held
end
return reply
