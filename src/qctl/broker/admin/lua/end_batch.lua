-- Mark trash batches as complete: the action that filled them has ended.
-- KEYS
--   batches... HASH
-- ARGV
--   unfinished_field: field of a batch while its action runs
-- Returns nothing
-- Atomic: a batch that was restored or emptied meanwhile does not come back.
for _, batch in ipairs(batches) do
    if redis.call('TYPE', batch).ok == 'hash' then redis.call('HDEL', batch, unfinished_field) end
end
