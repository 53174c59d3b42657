-- Put a job back that a stock worker took off its queue and never started.
-- KEYS
--   intermediate LIST
--   claims HASH
--   waiting LIST
--   job HASH
-- ARGV
--   job_id
--   queue
--   maxlen: ids at each end of the queue that are searched for it
-- Returns `absent` it is not there any more · `claimed` a worker of qctl has it · `removed` its hash is gone, or it went
--   on: the id is removed · `queued` it is at the head of its queue again
-- Atomic: it leaves the intermediate list in the step that enqueues it, so that it is never in the queue twice.
local wrong = wrong_type({intermediate, claims, waiting, audit, act, events})
if wrong then return wrong end
if redis.call('HEXISTS', claims, job_id) == 1 then return 'claimed' end
if redis.call('LREM', intermediate, 0, job_id) == 0 then return 'absent' end
local status = redis.call('TYPE', job).ok == 'hash' and redis.call('HGET', job, 'status')
if status ~= 'queued' or redis.call('LPOS', waiting, job_id, 'MAXLEN', maxlen)
    or redis.call('LPOS', waiting, job_id, 'RANK', -1, 'MAXLEN', maxlen) then
    return 'removed'
end
redis.call('LPUSH', waiting, job_id)
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'recovered', 'queue', queue, 'job', job_id,
    'actor', actor, 'reason', 'its worker never started it')
record_step(1)
return 'queued'
