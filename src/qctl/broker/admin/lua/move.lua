-- Move jobs to the same place of another queue: waiting ones to its tail. Begins with take_jobs.lua, which says what is not
-- said here.
-- KEYS[7] the place in the other queue, of the same type as KEYS[1]  KEYS[8] HASH of the other queue's causes
--   KEYS[9] SET of queues
-- ARGV[10] the other queue  ARGV[11] its key  ARGV[12] field of a job hash that names the queue it was moved from
--   ARGV[13] prefix of the letters of the other queue's causes
-- Returns what take_jobs.lua returns
-- Atomic: a job leaves one queue in the step that enters it in the other.
local wrong = check({PLACE, 'hash', 'set'})
if wrong then return wrong end
return each(function(id, job, origin)
    if job then
        local from = redis.call('HGET', job, ARGV[12])
        redis.call('HSET', job, 'origin', ARGV[10])
        -- What goes back to where it came from was never moved.
        if from == ARGV[10] then
            redis.call('HDEL', job, ARGV[12])
        else
            redis.call('HSET', job, ARGV[12], QUEUE)
        end
    end
    if PLACE == 'list' then
        redis.call('RPUSH', KEYS[7], id)
    elseif PLACE == 'hash' then
        redis.call('HSET', KEYS[7], id, origin.note)
    else
        redis.call('ZADD', KEYS[7], origin.score, id)
    end
    local letters = origin.died and ARGV[13] .. origin.fingerprint
    if letters and (redis.call('TYPE', letters).ok == 'none' or redis.call('TYPE', letters).ok == 'zset') then
        redis.call('ZADD', letters, origin.died, id)
        if origin.cause then redis.call('HSET', KEYS[8], origin.fingerprint, origin.cause) end
    end
    redis.call('SADD', KEYS[9], ARGV[11])
    tell('moved', id, 'to ' .. ARGV[10])
end)
