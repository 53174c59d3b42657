-- Put a claimed job that must not run where it blocks nobody.
-- KEYS[1] LIST intermediate  KEYS[2] HASH claims  KEYS[3] HASH quarantine  KEYS[4] HASH job  KEYS[5] ZSET started
--   KEYS[6] ZSET executions of the job  KEYS[7] STREAM of events
-- ARGV[1] id  ARGV[2] claimant  ARGV[3] queue  ARGV[4] reason  ARGV[5] cap of the stream
--   ARGV[6] prefix of the job's executions
-- Returns 1 quarantined, 0 the claim is no longer the claimant's
-- Atomic: the job leaves the intermediate list in the step that enters it in the quarantine.
local wrong = wrong_type(KEYS, {'list', 'hash', 'hash', [5] = 'zset', [7] = 'stream'})
if wrong then return wrong end
local time = redis.call('TIME')
local claim = redis.call('HGET', KEYS[2], ARGV[1])
if not claim or string.sub(claim, 1, #ARGV[2] + 1) ~= ARGV[2] .. '|' then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('LREM', KEYS[1], -1, ARGV[1])
for _, member in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
    if string.sub(member, 1, #ARGV[1] + 1) == ARGV[1] .. ':' then
        redis.call('ZREM', KEYS[5], member)
        redis.call('DEL', ARGV[6] .. string.sub(member, #ARGV[1] + 2))
    end
end
redis.call('DEL', KEYS[6])
if redis.call('TYPE', KEYS[4]).ok == 'hash' then redis.call('HSET', KEYS[4], 'status', 'failed') end
redis.call('HSET', KEYS[3], ARGV[1], cjson.encode({reason = ARGV[4], at = time[1] * 1000 + math.floor(time[2] / 1000),
    by = ARGV[2], recoveries = 0}))
redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[5], '*', 'event', 'quarantined', 'queue', ARGV[3], 'job', ARGV[1],
    'worker', ARGV[2], 'reason', ARGV[4])
return 1
