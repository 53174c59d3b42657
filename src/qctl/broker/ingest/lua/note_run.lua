-- Note that a run of a job was seen to have ended, and the pause before it.
-- KEYS
--   pauses HASH
-- ARGV
--   name: of the job
--   at_field: field that has the minute of the run before
--   minute: since 1970 in which the run ended
--   max_names: jobs whose pauses are kept
-- Returns the job's pauses as in the hash, empty if none is known
-- Atomic: two schedulers that see the same run note one pause.
local wrong = wrong_type({pauses})
if wrong then return wrong end
local before = tonumber(redis.call('HGET', pauses, at_field) or '')
if not before and redis.call('HLEN', pauses) >= 2 * tonumber(max_names) then return '' end
local text = redis.call('HGET', pauses, name)
if before and tonumber(minute) > before then
    text = pauses_after(text, (minute - before) * 60000, minute * 60000)
    redis.call('HSET', pauses, name, text)
end
if not before or tonumber(minute) > before then redis.call('HSET', pauses, at_field, minute) end
return text or ''
