-- Put a job where it was when it was exported, unless there is one of its id.
-- KEYS[1] HASH job  KEYS[2] STREAM of its results  KEYS[3] its place: LIST waiting, ZSET of a state, or HASH quarantine
--   KEYS[4] HASH of causes  KEYS[5] ZSET of the letters of its cause  KEYS[6] SET of queues  KEYS[7] STREAM of events
-- ARGV[1] id  ARGV[2] queue  ARGV[3] key of the queue  ARGV[4] type of the place  ARGV[5] its score there, or its note
--   ARGV[6] fingerprint, empty where the index of causes does not know it  ARGV[7] when it died (ms)
--   ARGV[8] the cause as the index has it  ARGV[9] when the job expires (ms), 0 never  ARGV[10] when its results do
--   ARGV[11] who  ARGV[12] cap of the stream of events  ARGV[13] how many fields and values of the hash follow
--   then those, then of each result its id, how many fields and values follow, and those
-- Returns `done` · `exists` there is such a job, or one of its id is in that place
-- Atomic: a job is there whole or not at all, and is never brought twice.
local wrong = wrong_type({unpack(KEYS, 3)}, {ARGV[4], 'hash', 'zset', 'set', 'stream'})
if wrong then return wrong end
local id, place = ARGV[1], ARGV[4]
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 'exists' end
if place == 'zset' and redis.call('ZSCORE', KEYS[3], id) then return 'exists' end
if place == 'hash' and redis.call('HEXISTS', KEYS[3], id) == 1 then return 'exists' end

local at = 14 + tonumber(ARGV[13])
if at > 14 then redis.call('HSET', KEYS[1], unpack(ARGV, 14, at - 1)) end
while at <= #ARGV do
    local count = tonumber(ARGV[at + 1])
    redis.call('XADD', KEYS[2], ARGV[at], unpack(ARGV, at + 2, at + 1 + count))
    at = at + 2 + count
end
if ARGV[9] ~= '0' then redis.call('PEXPIREAT', KEYS[1], ARGV[9]) end
if ARGV[10] ~= '0' then redis.call('PEXPIREAT', KEYS[2], ARGV[10]) end

if place == 'list' then
    redis.call('RPUSH', KEYS[3], id)
elseif place == 'hash' then
    redis.call('HSET', KEYS[3], id, ARGV[5])
else
    redis.call('ZADD', KEYS[3], ARGV[5], id)
end
if ARGV[6] ~= '' then
    redis.call('HSETNX', KEYS[4], ARGV[6], ARGV[8])
    redis.call('ZADD', KEYS[5], ARGV[7], id)
end
redis.call('SADD', KEYS[6], ARGV[3])
redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[12], '*', 'event', 'imported', 'queue', ARGV[2], 'job', id,
    'actor', ARGV[11])
return 'done'
