-- Put a message into a receiver's inbox, once.
-- KEYS
--   inbox STREAM
--   delivered STRING mark of a delivered message
-- ARGV
--   max_messages
--   ttl: of both keys, in seconds
--   message_id
--   message: as JSON
-- Returns 1 delivered, 0 it was delivered before
-- Atomic: the mark is set in the step that delivers, so a job that runs again delivers nothing twice.
local wrong = wrong_type({inbox})
if wrong then return wrong end
if not redis.call('SET', delivered, '1', 'NX', 'EX', ttl) then return 0 end
redis.call('XADD', inbox, 'MAXLEN', '~', max_messages, '*', 'id', message_id, 'message', message)
redis.call('EXPIRE', inbox, ttl)
return 1
