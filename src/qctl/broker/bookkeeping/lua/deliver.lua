-- Put a message into a receiver's inbox, once.
-- KEYS[1] STREAM inbox  KEYS[2] STRING mark of a delivered message
-- ARGV[1] cap of the stream  ARGV[2] TTL of both keys (s)  ARGV[3] id of the message  ARGV[4] the message as JSON
-- Returns 1 delivered, 0 it was delivered before
-- Atomic: the mark is set in the step that delivers, so a job that runs again delivers nothing twice.
local wrong = wrong_type(KEYS, {'stream'})
if wrong then return wrong end
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[2]) then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'id', ARGV[3], 'message', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
