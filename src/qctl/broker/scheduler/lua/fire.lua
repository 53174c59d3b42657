-- Make the runs of a schedule that are due, and write down when it is due next.
-- KEYS[1] ZSET of schedules  KEYS[2] HASH of the schedule  KEYS[3] LIST waiting  KEYS[4] SET of queues
--   KEYS[5] STREAM of events  then one HASH a run
-- ARGV[1] schedule  ARGV[2] when it is due, as it was seen  ARGV[3] when it is due next, empty for never again
--   ARGV[4] its runs that are left then, empty for no end  ARGV[5] the last run's time  ARGV[6] now (RQ's format)
--   ARGV[7] cap of the stream  ARGV[8] queue  ARGV[9] name of the job  ARGV[10] how many runs were skipped
--   ARGV[11] the policy by which  then for each run: id, trace, how many fields and values follow, then those
-- Returns how many runs were made, -1 where the schedule is due at another time by now
-- Atomic: a time that is due is taken and its runs are enqueued in one step, so any number of schedulers, killed at any
--   moment, make one run a time. A run that is there already, by its id, is not made again.
local wrong = wrong_type(KEYS, {'zset', 'hash', 'list', 'set', 'stream'})
if wrong then return wrong end
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) ~= tonumber(ARGV[2]) or redis.call('EXISTS', KEYS[2]) == 0 then return -1 end

local function tell(event, ...)
    redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[7], '*', 'event', event, 'queue', ARGV[8], 'name', ARGV[9],
        'actor', 'schedule ' .. ARGV[1], ...)
end

local made, last = 0, nil
local at = 12
for n = 6, #KEYS do
    local id, trace, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    if redis.call('EXISTS', KEYS[n]) == 0 then
        redis.call('HSET', KEYS[n], unpack(ARGV, at + 3, at + 2 + count))
        redis.call('RPUSH', KEYS[3], id)
        tell('created', 'job', id, 'trace', trace)
        made, last = made + 1, id
    end
    at = at + 3 + count
end
if made > 0 then
    redis.call('SADD', KEYS[4], KEYS[3])
    redis.call('HSET', KEYS[2], 'qctl_last_due', ARGV[5], 'qctl_last_at', ARGV[6], 'qctl_last_job', last)
    redis.call('HINCRBY', KEYS[2], 'qctl_runs', made)
end
if tonumber(ARGV[10]) > 0 then
    redis.call('HSET', KEYS[2], 'qctl_missed', ARGV[10], 'qctl_missed_at', ARGV[6])
    tell('skipped', 'count', ARGV[10], 'reason', 'nobody was there; policy ' .. ARGV[11])
end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], 'qctl_left', ARGV[4]) end
if ARGV[3] ~= '' then
    redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
else
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('DEL', KEYS[2])
end
return made
