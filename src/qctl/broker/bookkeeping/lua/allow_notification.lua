-- Check the rate limit of notifications to one receiver, by a sliding window, and count this notification.
-- KEYS
--   notified ZSET of notifications sent to the receiver
-- ARGV
--   notification_id
--   limit: notifications in the window
--   window_ms
-- Returns 1 allowed now or in an earlier call, 0 the limit is reached
-- Atomic: any number of workers stay below the limit together, and each notification counts once.
local wrong = wrong_type({notified})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZSCORE', notified, notification_id) then return 1 end
if redis.call('ZCOUNT', notified, '(' .. now - window_ms, '+inf') >= tonumber(limit) then return 0 end
redis.call('ZADD', notified, now, notification_id)
redis.call('ZREMRANGEBYSCORE', notified, '-inf', now - window_ms)
redis.call('PEXPIRE', notified, window_ms)
return 1
