-- Forget a queue that holds no job.
-- KEYS[1] SET of queues  KEYS[2] HASH of pauses  KEYS[3] HASH of breakers  KEYS[4] STREAM of events
--   then every place where it might hold a job, then what else is kept of it
-- ARGV[1] queue  ARGV[2] its key  ARGV[3] how many places  ARGV[4] who  ARGV[5] cap of the stream
-- Returns 1 forgotten, 0 it holds jobs
-- Atomic: what is enqueued meanwhile is seen here, or makes the queue anew.
local wrong = wrong_type(KEYS, {'set', 'hash', 'hash', 'stream'})
if wrong then return wrong end
local last = 4 + tonumber(ARGV[3])
for n = 5, last do
    if redis.call('EXISTS', KEYS[n]) == 1 then return 0 end
end
redis.call('SREM', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
for n = last + 1, #KEYS do redis.call('UNLINK', KEYS[n]) end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[5], '*', 'event', 'removed', 'queue', ARGV[1], 'actor', ARGV[4])
return 1
