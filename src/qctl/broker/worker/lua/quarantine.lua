-- Quarantine a claimed job that must not run.
-- KEYS
--   intermediate LIST
--   claims HASH
--   quarantine HASH
--   job HASH
--   started ZSET
--   executions ZSET of the job
--   events STREAM
-- ARGV
--   job_id
--   claimant
--   queue
--   reason
--   max_events
--   execution_prefix
-- Returns 1 quarantined, 0 the claim is no longer the claimant's
-- Atomic: the job leaves the intermediate list in the step that enters it in the quarantine.
local wrong = wrong_type({intermediate, claims, quarantine, started, events})
if wrong then return wrong end
local time = redis.call('TIME')
if not is_claimed() then return 0 end
redis.call('HDEL', claims, job_id)
redis.call('LREM', intermediate, -1, job_id)
delete_runs()
if redis.call('TYPE', job).ok == 'hash' then redis.call('HSET', job, 'status', 'failed') end
redis.call('HSET', quarantine, job_id, cjson.encode({reason = reason,
    at = time[1] * 1000 + math.floor(time[2] / 1000), by = claimant, recoveries = 0}))
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'quarantined', 'queue', queue, 'job', job_id,
    'worker', claimant, 'reason', reason)
return 1
