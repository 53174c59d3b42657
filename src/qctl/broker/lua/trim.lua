-- Forget the finished jobs of a queue that are too many, oldest first. Those to be kept for ever are not counted.
-- KEYS[1] ZSET finished
-- ARGV[1] most that stay  ARGV[2] most that go in this step  ARGV[3] prefix of job hashes  ARGV[4] prefix of results
-- Returns how many were forgotten
-- Atomic: a job that was enqueued again under its id meanwhile leaves the registry, and its data stays.
local over = redis.call('ZCOUNT', KEYS[1], 0, '(+inf') - ARGV[1]
if over <= 0 then return 0 end
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], 0, '(+inf', 'LIMIT', 0, math.min(over, tonumber(ARGV[2])))
for _, id in ipairs(ids) do
    local job = ARGV[3] .. id
    if redis.call('TYPE', job).ok ~= 'hash' or redis.call('HGET', job, 'status') == 'finished' then
        redis.call('DEL', job, ARGV[4] .. id)
    end
    redis.call('ZREM', KEYS[1], id)
end
return #ids
