-- Enqueue jobs whose dependencies are met and that RQ 3 left in its registry of ready jobs.
-- KEYS
--   ready ZSET
--   waiting LIST
-- ARGV
--   queue
--   job_prefix: of the hashes of jobs
--   job_ids...: at most 200
-- Returns one word for each id: `done` · `limited` it waits for its rate limit · `absent` · `removed` it is in another
--   state, or its hash is gone
-- Atomic: a job leaves the registry in the step that enqueues it, so that it is enqueued once.
local wrong = wrong_type({ready, waiting, audit, act, events})
if wrong then return wrong end
local reply, done = {}, 0
for n, id in ipairs(job_ids) do
    local job = job_prefix .. id
    if redis.call('ZREM', ready, id) == 0 then
        reply[n] = 'absent'
    elseif redis.call('TYPE', job).ok ~= 'hash' or redis.call('HGET', job, 'status') ~= 'ready_to_enqueue' then
        reply[n] = 'removed'
    else
        reply[n] = put_in_queue(id, job, waiting, redis.call('HGET', job, 'enqueue_at_front') == '1')
        redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'enqueued', 'queue', queue, 'job', id,
            'actor', actor, 'reason', 'its dependencies are met')
        done = done + 1
    end
end
record_step(done)
return reply
