-- Give back the bytes of jobs that are gone. Begins with budget.lua, which has the rest of its head.
-- KEYS
-- ARGV
--   count: jobs to look at, chosen at random
-- Returns {jobs looked at, jobs removed from the ledger}
-- Atomic: see budget.lua.
local wrong = wrong_type({budgets, ledger})
if wrong then return wrong end
return sweep(count)
