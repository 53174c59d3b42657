-- Take a job away from a claimant that is dead and give it back to the head of its queue. It costs the job no retry;
-- a job whose worker died under it too often is quarantined instead.
-- KEYS[1] LIST waiting  KEYS[2] LIST intermediate  KEYS[3] ZSET started  KEYS[4] HASH claims  KEYS[5] HASH job
--   KEYS[6] ZSET executions of the job  KEYS[7] ZSET of leases  KEYS[8] HASH of recoveries  KEYS[9] HASH quarantine
--   KEYS[10] STREAM of events
-- ARGV[1] id  ARGV[2] the claim as it was seen  ARGV[3] queue  ARGV[4] prefix of the job's executions
--   ARGV[5] cap of the stream  ARGV[6] deaths that quarantine  ARGV[7] who recovers
--   ARGV[8] `own` where the claimant itself asks, because the job's child died; else empty
-- Returns `alive` or `changed` nothing was done · `ended` the job had ended · `recovered` · `quarantined`
-- Atomic: the lease is looked at in the same step that takes the job, so a claimant that renewed keeps it.
local kinds = {'list', 'list', 'zset', 'hash', [7] = 'zset', [8] = 'hash', [9] = 'hash', [10] = 'stream'}
local wrong = wrong_type(KEYS, kinds)
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id = ARGV[1]
if redis.call('HGET', KEYS[4], id) ~= ARGV[2] then return 'changed' end
local claimant = string.match(ARGV[2], '^(.*)|%d+$') or ARGV[2]
if ARGV[8] ~= 'own' then
    local lease = redis.call('ZSCORE', KEYS[7], claimant)
    if lease and tonumber(lease) > now then return 'alive' end
end

redis.call('HDEL', KEYS[4], id)
local unstarted = redis.call('LREM', KEYS[2], -1, id)
local type = redis.call('TYPE', KEYS[5]).ok
local status = type == 'hash' and redis.call('HGET', KEYS[5], 'status')
for _, member in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    if string.sub(member, 1, #id + 1) == id .. ':' then
        redis.call('ZREM', KEYS[3], member)
        redis.call('DEL', ARGV[4] .. string.sub(member, #id + 2))
    end
end
redis.call('DEL', KEYS[6])

local function quarantine(reason, deaths)
    redis.call('HSET', KEYS[9], id, cjson.encode({reason = reason, at = now, by = claimant, recoveries = deaths}))
    redis.call('XADD', KEYS[10], 'MAXLEN', '~', ARGV[5], '*', 'event', 'quarantined', 'queue', ARGV[3], 'job', id,
        'worker', claimant, 'actor', ARGV[7], 'reason', reason)
    return 'quarantined'
end

if type ~= 'hash' then
    if unstarted == 0 or type == 'none' then return 'ended' end
    return quarantine('its data is a ' .. type .. ', not a hash', 0)
end
-- A stock worker of several queues leaves a started job's id in the intermediate list: the status decides.
if status ~= 'started' and (unstarted == 0 or status ~= 'queued') then return 'ended' end

-- A death between claim and start counts too: a job may kill its worker while it is read.
local deaths = redis.call('HINCRBY', KEYS[8], id, 1)
if deaths >= tonumber(ARGV[6]) then
    redis.call('HDEL', KEYS[8], id)
    redis.call('HSET', KEYS[5], 'status', 'failed', 'worker_name', '')
    return quarantine('its worker died ' .. deaths .. ' times while it had the job', deaths)
end
redis.call('HSET', KEYS[5], 'status', 'queued', 'worker_name', '')
redis.call('LPUSH', KEYS[1], id)
redis.call('XADD', KEYS[10], 'MAXLEN', '~', ARGV[5], '*', 'event', 'recovered', 'queue', ARGV[3], 'job', id,
    'worker', claimant, 'actor', ARGV[7], 'count', deaths)
return 'recovered'
