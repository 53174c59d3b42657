-- Acquire a lock that nobody holds, in a full Redis too, because housekeeping is what makes room.
-- KEYS[1] STRING lock
-- ARGV[1] token of the holder  ARGV[2] time to live (ms)
-- Returns 1 acquired, 0 held by another
-- Atomic: of two callers at once, one acquires it.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
-- A script that has begun to write continues although Redis is full; deleting a missing key counts as a write.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
