-- Record a step of a command in the audit log and in the events: a part of the scripts that act on jobs step by step,
-- not a script itself.
-- KEYS
--   audit STREAM
--   act HASH of the command: the id of its entry in the audit log, and the jobs of its steps so far
--   events STREAM
-- ARGV
--   actor
--   max_events
--   max_audit
--   act_seconds: TTL of `act` after a step, in seconds
--   act_fields...: fields and values of its entry in the audit; none if the step is not part of an operator's command
-- Returns nothing. `record_step(count)` writes the entry of the command, replacing that of the previous step, with the
--   outcome `begun` and the jobs so far; `record_event(event, queue, count, reason)` appends an event. Both are called
--   after the step's first write: a Redis that is full accepts them then.
-- Atomic: a command that is killed after any of its steps has recorded its actor, its action and the number of jobs.
local function record_step(count)
    if count == 0 or act_fields_count == 0 then return end
    local before = redis.call('HGET', act, 'entry')
    local total = redis.call('HINCRBY', act, 'count', count)
    if before then redis.call('XDEL', audit, before) end
    local entry = redis.call('XADD', audit, 'MAXLEN', '~', max_audit, '*', 'outcome', 'begun', 'count', total,
        unpack(act_fields))
    redis.call('HSET', act, 'entry', entry)
    redis.call('EXPIRE', act, act_seconds)
end

local function record_event(event, queue, count, reason)
    local fields = {'event', event, 'count', count, 'actor', actor}
    local function add(name, value)
        if value == '' then return end
        fields[#fields + 1] = name
        fields[#fields + 1] = value
    end
    add('queue', queue)
    add('reason', reason)
    redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', unpack(fields))
end

