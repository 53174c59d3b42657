-- Put an orphan back to the tail of its queue.
-- KEYS[1] HASH job  KEYS[2] LIST waiting  KEYS[3] LIST intermediate  KEYS[4] HASH claims  KEYS[5] ZSET scheduled
--   KEYS[6] ZSET executions of the job  KEYS[7] HASH quarantine  KEYS[8] SET of queues  KEYS[9] STREAM of events
-- ARGV[1] id  ARGV[2] queue  ARGV[3] the status that it was found with  ARGV[4] now (RQ's format)  ARGV[5] who
--   ARGV[6] cap of the stream  ARGV[7] ids at each end of the queue among which it is looked for
-- Returns 1 put back, 0 it is somewhere, or not what it was
-- Atomic: whether it is somewhere is known in the step that enqueues it, so it is never in the queue twice.
local wrong = wrong_type(KEYS, {'hash', 'list', 'list', 'hash', 'zset', 'zset', 'hash', 'set', 'stream'})
if wrong then return wrong end
local id = ARGV[1]
if redis.call('HGET', KEYS[1], 'status') ~= ARGV[3] then return 0 end
if redis.call('LPOS', KEYS[2], id, 'MAXLEN', ARGV[7]) then return 0 end
if redis.call('LPOS', KEYS[2], id, 'RANK', -1, 'MAXLEN', ARGV[7]) then return 0 end
if redis.call('LPOS', KEYS[3], id) then return 0 end
if redis.call('HEXISTS', KEYS[4], id) == 1 or redis.call('HEXISTS', KEYS[7], id) == 1 then return 0 end
if redis.call('ZSCORE', KEYS[5], id) or redis.call('EXISTS', KEYS[6]) == 1 then return 0 end

redis.call('HSET', KEYS[1], 'status', 'queued', 'enqueued_at', ARGV[4], 'started_at', '', 'worker_name', '')
redis.call('RPUSH', KEYS[2], id)
redis.call('SADD', KEYS[8], KEYS[2])
redis.call('XADD', KEYS[9], 'MAXLEN', '~', ARGV[6], '*', 'event', 'recovered', 'queue', ARGV[2], 'job', id,
    'actor', ARGV[5], 'reason', 'orphan')
return 1
