-- Give a job another payload, keeping the one it had before the first edit; or give it that one back.
-- KEYS
--   job HASH
--   claims HASH
--   events STREAM
-- ARGV
--   job_id
--   queue
--   before: the payload as it was read
--   data: the new payload
--   description: the new description
--   original_field: field of the original payload
--   edited_field: field of the last edit
--   edit: time and author, empty to give the original back
--   actor
--   max_events
-- Returns `done` · `changed` another operator edited it meanwhile · `absent` · else its status: it runs, or has run
-- Atomic: the payload that is replaced is the one that was read, and no worker has claimed the job.
if redis.call('TYPE', job).ok ~= 'hash' then return 'absent' end
local wrong = wrong_type({job, claims, events})
if wrong then return wrong end
local status = redis.call('HGET', job, 'status')
if status == 'started' or status == 'finished' then return status end
if redis.call('HEXISTS', claims, job_id) == 1 then return 'started' end
if redis.call('HGET', job, 'data') ~= before then return 'changed' end
local is_reverted = edit == ''
if is_reverted then
    redis.call('HDEL', job, original_field, edited_field)
else
    redis.call('HSETNX', job, original_field, before)
    redis.call('HSET', job, edited_field, edit)
end
redis.call('HSET', job, 'data', data, 'description', description)
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'edited', 'queue', queue, 'job', job_id,
    'actor', actor, 'reason', is_reverted and 'the original is back' or 'the original is kept')
return 'done'
