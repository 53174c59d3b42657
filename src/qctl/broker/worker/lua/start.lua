-- Start a claimed job, unless the claim has been taken away meanwhile.
-- KEYS[1] HASH job  KEYS[2] LIST intermediate  KEYS[3] HASH claims  KEYS[4] HASH worker  KEYS[5] STREAM of events
-- ARGV[1] id  ARGV[2] claimant  ARGV[3] now (RQ's format)  ARGV[4] worker name  ARGV[5] time to live of the worker (s)
--   ARGV[6] queue  ARGV[7] cap of the stream  ARGV[8] trace id, empty if none
-- Returns 1 started, 0 the claim is no longer the claimant's
-- Atomic: a worker that slept past its lease cannot start a job that was given to another, and a pause that waits for
--   the claim sees it either in the intermediate list or started.
local claim = redis.call('HGET', KEYS[3], ARGV[1])
if not claim or string.sub(claim, 1, #ARGV[2] + 1) ~= ARGV[2] .. '|' then return 0 end
redis.call('HSET', KEYS[1], 'status', 'started', 'started_at', ARGV[3], 'last_heartbeat', ARGV[3], 'worker_name', ARGV[4])
redis.call('PERSIST', KEYS[1])
redis.call('LREM', KEYS[2], -1, ARGV[1])
redis.call('HSET', KEYS[4], 'last_heartbeat', ARGV[3])
redis.call('EXPIRE', KEYS[4], ARGV[5])
local event = {'XADD', KEYS[5], 'MAXLEN', '~', ARGV[7], '*', 'event', 'started', 'queue', ARGV[6], 'job', ARGV[1],
    'worker', ARGV[4]}
if ARGV[8] ~= '' then
    event[#event + 1] = 'trace'
    event[#event + 1] = ARGV[8]
end
redis.call(unpack(event))
return 1
