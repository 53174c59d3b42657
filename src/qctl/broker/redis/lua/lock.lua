-- Take a lock that nobody holds, in a full Redis too: housekeeping is what makes room.
-- KEYS[1] STRING lock
-- ARGV[1] token of who takes it  ARGV[2] how long it holds (ms)
-- Returns 1 taken, 0 another holds it
-- Atomic: of two that ask at once one gets it.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
-- A script that has begun to write goes on where Redis is full; removing what is not there is a beginning.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
