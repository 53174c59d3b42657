-- Delete the note of a step of Redis's clock whose times are moved.
-- KEYS
--   clock HASH
-- ARGV
--   before: as noted
--   after: as noted
-- Returns 1 deleted, 0 another step is noted
-- Atomic: a step that is noted meanwhile is kept.
local noted = redis.call('HMGET', clock, 'before', 'after')
if noted[1] ~= before or noted[2] ~= after then return 0 end
return redis.call('HDEL', clock, 'before', 'after') > 0 and 1 or 0
