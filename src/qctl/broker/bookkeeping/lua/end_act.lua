-- Write how a command ended to the audit log, in place of the entry of its last step.
-- KEYS
--   audit STREAM
--   act HASH of the command, which works in steps
-- ARGV
--   max_audit
--   fields...: fields and values of the entry
-- Returns nothing
-- Atomic: the audit log has one entry of a command at any moment.
local wrong = wrong_type({audit, act})
if wrong then return wrong end
local before = redis.call('HMGET', act, 'entry', 'count')
if before[1] then
    redis.call('DEL', act)
    redis.call('XDEL', audit, before[1])
end
if before[2] then
    fields[#fields + 1] = 'count'
    fields[#fields + 1] = before[2]
end
redis.call('XADD', audit, 'MAXLEN', '~', max_audit, '*', unpack(fields))
