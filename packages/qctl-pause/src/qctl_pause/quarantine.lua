local claims, started, executions, intermediate, quarantine, job, events = unpack(KEYS, 1, 7)
local job_id, claimant, execution_prefix, queue, reason, max_events = unpack(ARGV, 1, 6)
local KIND = {[claims] = 'hash', [started] = 'zset', [executions] = 'zset', [intermediate] = 'list', [quarantine] = 'hash', [job] = 'hash', [events] = 'stream'}
-- Check the types of keys before anything is written: the beginning of scripts that change all or nothing, not a
-- script itself.
-- KEYS ARGV those of the script that follows
-- Returns nothing. `wrong_type(keys)` returns the error to reply with if one of them holds another type than the
--   script's head declares, and nil otherwise; a missing key fits every type. `wrong_type(keys, kind)` checks keys
--   whose type depends on the arguments.
-- Atomic: a command that fails on a type ends a script in its middle, and its earlier writes stay.
local function wrong_type(keys, kind)
    for _, key in ipairs(keys) do
        local expected, actual = kind or KIND[key], redis.call('TYPE', key).ok
        if actual ~= 'none' and actual ~= expected then
            return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. actual .. ', not a ' .. expected)
        end
    end
end

-- Check whether a job is still claimed by the caller: the beginning of scripts that change a job only then, not a
-- script itself.
-- KEYS
--   claims HASH
-- ARGV
--   job_id
--   claimant
-- Returns nothing. `is_claimed()` is whether the claim on the job is the claimant's.
-- Atomic: the script that follows changes the job in the step that checks, so a job that was given to another is safe.
local function is_claimed()
    local claim = redis.call('HGET', claims, job_id)
    return claim and string.sub(claim, 1, #claimant + 1) == claimant .. '|'
end
-- Delete RQ's record of a job's runs: the beginning of scripts that take a job from its worker, not a script itself.
-- KEYS
--   started ZSET
--   executions ZSET of the job
-- ARGV
--   job_id
--   execution_prefix: prefix of the keys of the job's executions
-- Returns nothing. `delete_runs()` deletes the executions and takes the job out of the started.
-- Atomic: the script that follows gives the job another place in the same step.
-- A member is `job:execution`, or before RQ 2.0 the job's id alone.
local function delete_runs()
    for _, member in ipairs(redis.call('ZRANGE', started, 0, -1)) do
        local execution = string.sub(member, 1, #job_id + 1) == job_id .. ':' and string.sub(member, #job_id + 2)
        if member == job_id or (execution and not string.find(execution, ':', 1, true)) then
            redis.call('ZREM', started, member)
            if execution then redis.call('DEL', execution_prefix .. execution) end
        end
    end
    redis.call('DEL', executions)
end
-- Quarantine a claimed job that must not run.
-- KEYS
--   intermediate LIST
--   claims HASH
--   quarantine HASH
--   job HASH
--   started ZSET
--   executions ZSET of the job
--   events STREAM
-- ARGV
--   job_id
--   claimant
--   queue
--   reason
--   max_events
--   execution_prefix
-- Returns 1 quarantined, 0 the claim is no longer the claimant's
-- Atomic: the job leaves the intermediate list in the step that enters it in the quarantine.
local wrong = wrong_type({intermediate, claims, quarantine, started, events})
if wrong then return wrong end
local time = redis.call('TIME')
if not is_claimed() then return 0 end
redis.call('HDEL', claims, job_id)
redis.call('LREM', intermediate, -1, job_id)
delete_runs()
if redis.call('TYPE', job).ok == 'hash' then redis.call('HSET', job, 'status', 'failed') end
redis.call('HSET', quarantine, job_id, cjson.encode({reason = reason,
    at = time[1] * 1000 + math.floor(time[2] / 1000), by = claimant, recoveries = 0}))
redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'quarantined', 'queue', queue, 'job', job_id,
    'worker', claimant, 'reason', reason)
return 1
