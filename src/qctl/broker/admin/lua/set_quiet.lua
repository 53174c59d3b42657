-- Have a claimant claim nothing new, or claim again.
-- KEYS
--   quiet HASH of quiet claimants
--   events STREAM
--   claims... HASH claims of each queue that it listens to
-- ARGV
--   claimant
--   actor
--   worker: its name
--   max_events
--   command: `quiet` or `resume`
-- Returns {1 if this changed anything, else 0, ids that it has claimed of queue 1, of queue 2, ...}
-- Atomic: every claim of the claimant is either in the lists returned here or comes after the flag and finds it.
local wrong = wrong_type({quiet, events})
if wrong then return wrong end
local time = redis.call('TIME')
local changed
if command == 'quiet' then
    local note = cjson.encode({by = actor, at = time[1] * 1000 + math.floor(time[2] / 1000)})
    changed = redis.call('HSETNX', quiet, claimant, note)
else
    changed = redis.call('HDEL', quiet, claimant)
end
if changed == 1 then
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', command == 'quiet' and 'quieted' or 'resumed',
        'worker', worker, 'actor', actor)
end
local reply = {changed}
for n, key in ipairs(claims) do
    local claimed = {}
    local entries = redis.pcall('HGETALL', key)
    for i = 1, #entries, 2 do
        if string.sub(entries[i + 1], 1, #claimant + 1) == claimant .. '|' then claimed[#claimed + 1] = entries[i] end
    end
    reply[n + 1] = claimed
end
return reply
