-- Record a step of a command that changes something outside Redis. Begins with step.lua.
-- KEYS none of its own
-- ARGV
--   count: of this step; negative to correct an earlier one
-- Returns nothing
-- Atomic: the audit log has one entry of a command at any moment.
local wrong = wrong_type({audit, act})
if wrong then return wrong end
record_step(tonumber(count))
