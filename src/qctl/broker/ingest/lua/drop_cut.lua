-- Remove the items of a batch from the head of the buffer, unless another source has done so since they were read.
-- KEYS
--   buffer LIST
--   head STRING
-- ARGV
--   expected_head: the head when the items were read
--   count: items of the batch
-- Returns the new head; an error if the head is another
-- Atomic: for a user without the right to MULTI, Redis carries out the commands of a transaction one by one. Of two sources
--   that cut the same items then, only one removes them: the other would remove items that are in no batch.
if (redis.call('GET', head) or '0') ~= expected_head then
    return redis.error_reply('CONFLICT another source has cut these items')
end
redis.call('LTRIM', buffer, count, -1)
return redis.call('INCRBY', head, count)
