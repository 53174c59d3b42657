-- Acquire a lock that nobody holds, in a full Redis too, because housekeeping makes room.
-- KEYS
--   lock STRING
-- ARGV
--   token: of the holder
--   ttl_ms
-- Returns 1 acquired, 0 held by another
-- Atomic: of two callers at once, one acquires it.
if redis.call('EXISTS', lock) == 1 then return 0 end
-- A script that has begun to write continues although Redis is full; deleting a missing key counts as a write.
redis.call('DEL', lock)
redis.call('SET', lock, token, 'PX', ttl_ms)
return 1
