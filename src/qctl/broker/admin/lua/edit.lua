-- Give a job another payload, keeping the one it had before the first edit; or give it that one back.
-- KEYS[1] HASH job  KEYS[2] HASH claims  KEYS[3] STREAM of events
-- ARGV[1] id  ARGV[2] queue  ARGV[3] the payload as it was read  ARGV[4] the new one  ARGV[5] its description
--   ARGV[6] field of the original  ARGV[7] field of who edited  ARGV[8] who edited, empty to give the original back
--   ARGV[9] who  ARGV[10] cap of the stream
-- Returns `done` · `changed` somebody else edited it meanwhile · `absent` · else its status: it runs, or has run
-- Atomic: what is edited is what was read, and no worker has it.
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 'absent' end
local wrong = wrong_type(KEYS, {'hash', 'hash', 'stream'})
if wrong then return wrong end
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'started' or status == 'finished' then return status end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 'started' end
local data = redis.call('HGET', KEYS[1], 'data')
if data ~= ARGV[3] then return 'changed' end
if ARGV[8] == '' then
    redis.call('HDEL', KEYS[1], ARGV[6], ARGV[7])
else
    redis.call('HSETNX', KEYS[1], ARGV[6], data)
    redis.call('HSET', KEYS[1], ARGV[7], ARGV[8])
end
redis.call('HSET', KEYS[1], 'data', ARGV[4], 'description', ARGV[5])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[10], '*', 'event', 'edited', 'queue', ARGV[2], 'job', ARGV[1],
    'actor', ARGV[9], 'reason', ARGV[8] == '' and 'the original is back' or 'the original is kept')
return 'done'
