-- Create the jobs of a schedule that are due, and store when it is due next.
-- KEYS[1] ZSET of schedules  KEYS[2] HASH of the schedule  KEYS[3] LIST waiting  KEYS[4] SET of queues
--   KEYS[5] STREAM of events  then the HASH of each job
-- ARGV[1] schedule  ARGV[2] due time as the caller read it  ARGV[3] next due time, empty if there is none
--   ARGV[4] number of runs left, empty for no end  ARGV[5] due time of the last job  ARGV[6] now (RQ's format)
--   ARGV[7] cap of the stream  ARGV[8] queue  ARGV[9] name of the job  ARGV[10] number of skipped runs
--   ARGV[11] catch-up policy
--   then for each job: id, trace, number of fields and values, followed by these
-- Returns the number of jobs created, -1 if the due time has changed meanwhile
-- Atomic: the due time is advanced and its jobs are enqueued in one step, so any number of schedulers, killed at any
--   moment, create one job for each due time. A job whose id exists is not created again.
local wrong = wrong_type(KEYS, {'zset', 'hash', 'list', 'set', 'stream'})
if wrong then return wrong end
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) ~= tonumber(ARGV[2]) or redis.call('EXISTS', KEYS[2]) == 0 then return -1 end

local function record(event, ...)
    redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[7], '*', 'event', event, 'queue', ARGV[8], 'name', ARGV[9],
        'actor', 'schedule ' .. ARGV[1], ...)
end

local created, last = 0, nil
local at = 12
for n = 6, #KEYS do
    local id, trace, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    if redis.call('EXISTS', KEYS[n]) == 0 then
        redis.call('HSET', KEYS[n], unpack(ARGV, at + 3, at + 2 + count))
        redis.call('RPUSH', KEYS[3], id)
        record('created', 'job', id, 'trace', trace)
        created, last = created + 1, id
    end
    at = at + 3 + count
end
if created > 0 then
    redis.call('SADD', KEYS[4], KEYS[3])
    redis.call('HSET', KEYS[2], 'qctl_last_due', ARGV[5], 'qctl_last_at', ARGV[6], 'qctl_last_job', last)
    redis.call('HINCRBY', KEYS[2], 'qctl_runs', created)
end
if tonumber(ARGV[10]) > 0 then
    redis.call('HSET', KEYS[2], 'qctl_missed', ARGV[10], 'qctl_missed_at', ARGV[6])
    record('skipped', 'count', ARGV[10], 'reason', 'no scheduler ran; policy ' .. ARGV[11])
end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], 'qctl_left', ARGV[4]) end
if ARGV[3] ~= '' then
    redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
else
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('DEL', KEYS[2])
end
return created
