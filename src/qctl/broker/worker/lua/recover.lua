-- Take a job away from a claimant that is dead and give it back to the head of its queue. It costs the job no retry;
-- a job whose worker died under it too often is quarantined instead.
-- KEYS
--   waiting LIST
--   intermediate LIST
--   started ZSET
--   claims HASH
--   job HASH
--   executions ZSET of the job
--   leases ZSET
--   recoveries HASH
--   quarantine HASH
--   events STREAM
-- ARGV
--   job_id
--   claim: as it was seen
--   queue
--   execution_prefix
--   max_events
--   max_deaths: number of deaths at which the job is quarantined
--   max_lease_ms: a lease that ends later was written before Redis's clock went back, and is over
--   actor: who recovers
--   own: `own` if the claimant itself asks, because the job's child died; else empty
-- Returns `alive` or `changed` nothing was done · `ended` the job had ended · `recovered` · `quarantined`
-- Atomic: the lease is checked in the same step that takes the job, so a claimant that renewed keeps it.
local wrong = wrong_type({waiting, intermediate, started, claims, leases, recoveries, quarantine, events})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('HGET', claims, job_id) ~= claim then return 'changed' end
local claimant = string.match(claim, '^(.*)|%d+$') or claim
if own ~= 'own' then
    local lease = redis.call('ZSCORE', leases, claimant)
    if lease and tonumber(lease) > now and tonumber(lease) <= now + max_lease_ms then return 'alive' end
end

redis.call('HDEL', claims, job_id)
local unstarted = redis.call('LREM', intermediate, -1, job_id)
local type = redis.call('TYPE', job).ok
local status = type == 'hash' and redis.call('HGET', job, 'status')
delete_runs()

local function enter_quarantine(reason, deaths)
    redis.call('HSET', quarantine, job_id,
        cjson.encode({reason = reason, at = now, by = claimant, recoveries = deaths}))
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'quarantined', 'queue', queue, 'job', job_id,
        'worker', claimant, 'actor', actor, 'reason', reason)
    return 'quarantined'
end

if type ~= 'hash' then
    if unstarted == 0 or type == 'none' then return 'ended' end
    return enter_quarantine('its data is a ' .. type .. ', not a hash', 0)
end
-- A stock worker of several queues leaves a started job's id in the intermediate list: the status decides.
if status ~= 'started' and (unstarted == 0 or status ~= 'queued') then return 'ended' end

if status == 'started' then
    local started = redis.call('HGET', job, 'started_at')
    if started and #started == 27 then
        redis.call('HSETNX', job, 'qctl_run_' .. started, cjson.encode({worker = claimant}))
        delete_old_runs(job)
    end
end

-- A death between claim and start counts too: a job may kill its worker while it is read.
local deaths = redis.call('HINCRBY', recoveries, job_id, 1)
if deaths >= tonumber(max_deaths) then
    redis.call('HDEL', recoveries, job_id)
    redis.call('HSET', job, 'status', 'failed', 'worker_name', '')
    return enter_quarantine('its worker died ' .. deaths .. ' times while it had the job', deaths)
end
redis.call('HSET', job, 'status', 'queued', 'worker_name', '')
redis.call('LPUSH', waiting, job_id)
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'recovered', 'queue', queue, 'job', job_id,
    'worker', claimant, 'actor', actor, 'count', deaths)
return 'recovered'
