-- Run, pause or resume one scheduled job.
-- KEYS[1] ZSET of scheduled jobs, of RQ's registry or of rq-scheduler  KEYS[2] LIST waiting  KEYS[3] SET of queues
--   KEYS[4] HASH job  KEYS[5] STREAM of events
-- ARGV[1] id  ARGV[2] `run`, `pause` or `resume`  ARGV[3] actor  ARGV[4] now (RQ's format)  ARGV[5] cap of the stream
--   ARGV[6] queue  ARGV[7] due time of paused jobs (s)  ARGV[8] `keep` if the job stays scheduled after its run
-- Returns done, unchanged, absent (not scheduled), gone (it has no hash), limited (RQ's rate limit decides when it
--   runs), or the status of a job that waits or runs
-- Atomic: a job leaves the schedule in the step that enqueues it, so a scheduler cannot enqueue it a second time.
local wrong = wrong_type(KEYS, {'zset', 'list', 'set', [5] = 'stream'})
if wrong then return wrong end
local id, action, paused_due = ARGV[1], ARGV[2], tonumber(ARGV[7])
local due = tonumber(redis.call('ZSCORE', KEYS[1], id) or nil)
if not due then return 'absent' end
if redis.call('TYPE', KEYS[4]).ok ~= 'hash' then return 'gone' end

local function record(event, reason)
    redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[5], '*', 'event', event, 'queue', ARGV[6], 'job', id,
        'actor', ARGV[3], 'reason', reason)
end

if action == 'pause' then
    if due >= paused_due then return 'unchanged' end
    redis.call('HSET', KEYS[4], 'qctl_due', due, 'qctl_held_by', ARGV[3])
    redis.call('ZADD', KEYS[1], paused_due, id)
    record('schedule', 'paused')
    return 'done'
end
if action == 'resume' then
    if due < paused_due then return 'unchanged' end
    redis.call('ZADD', KEYS[1], redis.call('HGET', KEYS[4], 'qctl_due') or redis.call('TIME')[1], id)
    redis.call('HDEL', KEYS[4], 'qctl_due', 'qctl_held_by')
    record('schedule', 'resumed')
    return 'done'
end
local fields = redis.call('HMGET', KEYS[4], 'rate_limit_key', 'status', 'enqueue_at_front')
if fields[1] and fields[1] ~= '' then return 'limited' end
if fields[2] == 'queued' or fields[2] == 'started' then return fields[2] end
if ARGV[8] ~= 'keep' then
    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[4], 'qctl_due', 'qctl_held_by')
end
redis.call('HSET', KEYS[4], 'status', 'queued', 'enqueued_at', ARGV[4])
redis.call(fields[3] == '1' and 'LPUSH' or 'RPUSH', KEYS[2], id)
redis.call('SADD', KEYS[3], KEYS[2])
record('enqueued', 'on request')
return 'done'
