-- Give a claimed job back to the head of its queue at no cost: no retry, no recovery is counted. A sink that is down
-- or refuses us also trips the breaker, an ordinary pause of the queue.
-- KEYS[1] LIST waiting  KEYS[2] LIST intermediate  KEYS[3] ZSET started  KEYS[4] HASH claims  KEYS[5] HASH job
--   KEYS[6] ZSET executions of the job  KEYS[7] HASH of pauses  KEYS[8] HASH of breakers  KEYS[9] STREAM of events
-- ARGV[1] id  ARGV[2] claimant  ARGV[3] queue  ARGV[4] prefix of the job's executions  ARGV[5] cap of the stream
--   ARGV[6] reason, empty to leave the breaker alone  ARGV[7] first pause (ms), 0 to pause until somebody resumes
--   ARGV[8] longest pause (ms)  ARGV[9] who pauses
-- Returns 1 given back, 0 the claim is no longer the claimant's
-- Atomic: the job is in exactly one place at any moment, and nobody claims it between its return and the pause.
local wrong = wrong_type(KEYS, {'list', 'list', 'zset', 'hash', 'hash', [7] = 'hash', [8] = 'hash', [9] = 'stream'})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local claim = redis.call('HGET', KEYS[4], ARGV[1])
if not claim or string.sub(claim, 1, #ARGV[2] + 1) ~= ARGV[2] .. '|' then return 0 end

redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('LREM', KEYS[2], -1, ARGV[1])
for _, member in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    if string.sub(member, 1, #ARGV[1] + 1) == ARGV[1] .. ':' then
        redis.call('ZREM', KEYS[3], member)
        redis.call('DEL', ARGV[4] .. string.sub(member, #ARGV[1] + 2))
    end
end
redis.call('DEL', KEYS[6])
local started = redis.call('HGET', KEYS[5], 'status') == 'started'
redis.call('HSET', KEYS[5], 'status', 'queued', 'worker_name', '')
redis.call('LPUSH', KEYS[1], ARGV[1])
if ARGV[6] == '' then
    -- Who follows the events has been told that it started.
    if started then
        redis.call('XADD', KEYS[9], 'MAXLEN', '~', ARGV[5], '*', 'event', 'returned', 'queue', ARGV[3], 'job', ARGV[1],
            'worker', ARGV[2])
    end
    return 1
end

local raw = redis.call('HGET', KEYS[7], ARGV[3])
if raw then
    local ok, pause = pcall(cjson.decode, raw)
    -- A pause that still holds, an operator's or this breaker's, is left as it is.
    if not ok or type(pause) ~= 'table' or type(pause['until']) ~= 'number' or pause['until'] > now then return 1 end
end
local pause = {by = ARGV[9], at = now, reason = ARGV[6]}
if tonumber(ARGV[7]) > 0 then
    local times = redis.call('HINCRBY', KEYS[8], ARGV[3], 1)
    pause['until'] = now + math.min(tonumber(ARGV[8]), tonumber(ARGV[7]) * 2 ^ math.min(times - 1, 20))
end
redis.call('HSET', KEYS[7], ARGV[3], cjson.encode(pause))
redis.call('XADD', KEYS[9], 'MAXLEN', '~', ARGV[5], '*', 'event', 'tripped', 'queue', ARGV[3], 'job', ARGV[1],
    'actor', ARGV[9], 'reason', ARGV[6])
return 1
