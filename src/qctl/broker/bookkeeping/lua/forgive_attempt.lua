-- Uncount an attempt at a secret that was right.
-- KEYS
--   account STRING: attempts at the account
--   address STRING: attempts of the address
--   known STRING that exists if the account has logged in from the address
--   pair STRING: attempts at the account from the address
-- ARGV
--   known_seconds: time for which the address is known to the account; 0 for a secret without an account
--   is_known: 1 if the attempt was counted by `pair`
-- Returns 0
-- Atomic: an attempt that another gateway counts meanwhile is not lost, and an expired counter is not created again.
redis.call('DEL', account, pair)
if tonumber(known_seconds) > 0 then redis.call('SET', known, '1', 'EX', known_seconds) end
if is_known == '0' and redis.call('EXISTS', address) == 1 then redis.call('DECR', address) end
return 0
