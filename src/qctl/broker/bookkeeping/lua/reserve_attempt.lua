-- Count an attempt at a secret before it is checked, unless its account or its address has had too many.
-- KEYS
--   account STRING: failed and open attempts at the account, from addresses that it never logged in from
--   address STRING: failed and open attempts of the address
--   known STRING that exists if the account has logged in from the address
--   pair STRING: failed and open attempts at the account from the address, if that is known
--   all STRING: all attempts of the address, right ones too
-- ARGV
--   account_limit: 0 for a secret without an account
--   address_limit
--   all_limit
--   window_ms
-- Returns {wait, is_known}: 0 if the attempt is counted, else the time (ms) until the limit that refuses it ends; and
--   1 if `pair` was counted instead of `account` and `address`
-- Atomic: any number of gateways stay below the limits together.
local window = tonumber(window_ms)
local has_account = tonumber(account_limit) > 0
local is_known = has_account and redis.call('EXISTS', known) or 0
local counters = {{all, tonumber(all_limit)}}
if is_known == 1 then
  counters[2] = {pair, tonumber(account_limit)}
else
  counters[2] = {address, tonumber(address_limit)}
  if has_account then counters[3] = {account, tonumber(account_limit)} end
end
for _, counter in ipairs(counters) do
  if tonumber(redis.call('GET', counter[1]) or '0') >= counter[2] then
    return {math.max(1, redis.call('PTTL', counter[1])), is_known}
  end
end
for _, counter in ipairs(counters) do
  if redis.call('INCR', counter[1]) == 1 then redis.call('PEXPIRE', counter[1], window) end
end
return {0, is_known}
