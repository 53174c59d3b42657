-- Put a message into a receiver's inbox, once.
-- KEYS
--   inbox STREAM
--   delivered STRING mark of a delivered message
--   events STREAM
-- ARGV
--   max_messages
--   ttl: of both keys, in seconds
--   message_id
--   message: as JSON
--   receiver
--   max_events
-- Returns 1 delivered, 0 it was delivered before
-- Atomic: the mark is set in the step that delivers, so a job that runs again delivers nothing twice.
local wrong = wrong_type({inbox, events})
if wrong then return wrong end
if not redis.call('SET', delivered, '1', 'NX', 'EX', ttl) then return 0 end
local position = redis.call('XADD', inbox, 'MAXLEN', '~', max_messages, '*', 'id', message_id, 'message', message)
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'delivered', 'job', message_id, 'receiver', receiver,
    'position', position)
redis.call('EXPIRE', inbox, ttl)
return 1
