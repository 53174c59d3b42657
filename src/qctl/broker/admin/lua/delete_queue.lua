-- Delete a queue that has no jobs.
-- KEYS
--   queues SET
--   pauses HASH
--   breakers HASH
--   events STREAM
--   locations... LIST every key that may hold a job of the queue, of any type
--   records... HASH other keys of the queue, of any type
-- ARGV
--   queue
--   queue_key
--   actor
--   max_events
-- Returns 1 deleted, 0 it has jobs
-- Atomic: a job that is enqueued meanwhile is seen here, or creates the queue again.
local wrong = wrong_type({queues, pauses, breakers, events})
if wrong then return wrong end
for _, location in ipairs(locations) do
    if redis.call('EXISTS', location) == 1 then return 0 end
end
redis.call('SREM', queues, queue_key)
redis.call('HDEL', pauses, queue)
redis.call('HDEL', breakers, queue)
for _, record in ipairs(records) do redis.call('UNLINK', record) end
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'removed', 'queue', queue, 'actor', actor)
return 1
