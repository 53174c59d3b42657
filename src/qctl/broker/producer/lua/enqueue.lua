-- Create the jobs that do not exist yet, if the owner's limits allow it, and enqueue or schedule them.
-- KEYS[1] LIST waiting  KEYS[2] ZSET scheduled  KEYS[3] SET of queues  KEYS[4] STREAM of events
--   KEYS[5] ZSET of the owner's creations  KEYS[6] SET of the owner's active jobs  KEYS[7] HASH of rejection counts
--   KEYS[8] ZSET of the owner's jobs  then the HASH of each job
-- ARGV[1] cap of the stream  ARGV[2] due time (s), empty for now  ARGV[3] delay from now (ms), 0 for none
--   ARGV[4] maximum jobs created in the window, 0 for no limit  ARGV[5] length of the window (ms)
--   ARGV[6] maximum active jobs, 0 for no limit  ARGV[7] TTL of an idle owner's keys (s)
--   ARGV[8] prefix of job hashes  ARGV[9] prefix of results
--   ARGV[10] maximum length of the owner's list of jobs, 0 without an owner
--   ARGV[11] number of words of the event, followed by the words
--   then the number of fields and values that all jobs share, followed by these
--   then for each job: id, number of its own fields and values, followed by these
-- Returns {`done`, flag, ...} with one flag for each job, 1 created or 0 it exists · {`rate`, ms until there is room} ·
--   {`active`}: nothing was created
-- Atomic: the same call, repeated because its reply was lost, creates nothing twice; any number of producers of one
--   owner stay below the limits. A canceled job, which may be in the trash, is replaced by a new job with its id.
local wrong = wrong_type(KEYS, {'list', 'zset', 'set', 'stream', 'zset', 'set', 'hash', 'zset'})
if wrong then return wrong end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pending = {queued = true, started = true, scheduled = true, deferred = true, rate_limited = true,
    ready_to_enqueue = true}

local jobs, new, seen = {}, {}, {}
local common_start = 13 + ARGV[11]
local at = common_start + ARGV[common_start - 1]
local common = {unpack(ARGV, common_start, at - 1)}
for n = 9, #KEYS do
    local job = {key = KEYS[n], id = ARGV[at], first = at + 2, last = at + 1 + ARGV[at + 1]}
    at = at + 2 + ARGV[at + 1]
    wrong = wrong_type({job.key}, {'hash'})
    if wrong then return wrong end
    job.new = not seen[job.id] and (redis.call('EXISTS', job.key) == 0 or redis.call('HGET', job.key, 'status') == 'canceled')
    seen[job.id] = true
    jobs[#jobs + 1] = job
    if job.new then new[#new + 1] = job end
end

local function reject(name, ...)
    redis.call('HINCRBY', KEYS[7], name, #new)
    return {name, ...}
end

-- Redis checks for free memory only before the first write of a script, and only if that command may need memory.
-- So each step below begins with such a command.
local limit = tonumber(ARGV[4])
if limit > 0 and #new > 0 then
    local window_start = '(' .. now - ARGV[5]
    local added = 0
    for _, job in ipairs(new) do
        local before = redis.call('ZSCORE', KEYS[5], job.id)
        if not before or tonumber(before) <= now - ARGV[5] then added = added + 1 end
    end
    local over = redis.call('ZCOUNT', KEYS[5], window_start, '+inf') + added - limit
    if over > 0 then
        local oldest = redis.call('ZRANGEBYSCORE', KEYS[5], window_start, '+inf', 'WITHSCORES', 'LIMIT', over - 1, 1)
        return reject('rate', oldest[2] and math.max(1, oldest[2] + ARGV[5] - now) or tonumber(ARGV[5]))
    end
    -- Every attempt counts, also one that the other limit rejects.
    for _, job in ipairs(new) do redis.call('ZADD', KEYS[5], now, job.id) end
    redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - ARGV[5])
    redis.call('PEXPIRE', KEYS[5], ARGV[5])
end
limit = tonumber(ARGV[6])
if limit > 0 and #new > 0 then
    local ended = {}
    if redis.call('SCARD', KEYS[6]) + #new > limit then
        for _, id in ipairs(redis.call('SMEMBERS', KEYS[6])) do
            local key = ARGV[8] .. id
            local status = redis.call('TYPE', key).ok == 'hash' and redis.call('HGET', key, 'status')
            if not status or not pending[status] then ended[#ended + 1] = id end
        end
    end
    if redis.call('SCARD', KEYS[6]) - #ended + #new > limit then return reject('active') end
    for _, job in ipairs(new) do redis.call('SADD', KEYS[6], job.id) end
    for _, id in ipairs(ended) do
        if not seen[id] then redis.call('SREM', KEYS[6], id) end
    end
    redis.call('EXPIRE', KEYS[6], ARGV[7])
end

local due = ARGV[2]
if due == '' and tonumber(ARGV[3]) > 0 then due = math.ceil((now + ARGV[3]) / 1000) end
local reply = {'done'}
for n, job in ipairs(jobs) do
    reply[n + 1] = job.new and 1 or 0
    if job.new then
        if redis.call('EXISTS', job.key) == 1 then redis.call('DEL', job.key, ARGV[9] .. job.id) end
        local fields = {unpack(common)}
        for k = job.first, job.last do fields[#fields + 1] = ARGV[k] end
        redis.call('HSET', job.key, unpack(fields))
        if due == '' then
            redis.call('RPUSH', KEYS[1], job.id)
        else
            redis.call('HSET', job.key, 'status', 'scheduled')
            redis.call('ZADD', KEYS[2], due, job.id)
        end
        redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[1], '*', 'event', 'created', 'job', job.id,
            unpack(ARGV, 12, 11 + ARGV[11]))
    end
end
if #new > 0 then redis.call('SADD', KEYS[3], KEYS[1]) end

limit = tonumber(ARGV[10])
if limit > 0 and #new > 0 then
    for _, job in ipairs(new) do redis.call('ZADD', KEYS[8], now, job.id) end
    -- Jobs are deleted in many ways. Each call checks a few at random, so that deleted ones stay a small part of the list.
    for _, id in ipairs(redis.call('ZRANDMEMBER', KEYS[8], 4 * #new)) do
        if redis.call('EXISTS', ARGV[8] .. id) == 0 then redis.call('ZREM', KEYS[8], id) end
    end
    redis.call('ZREMRANGEBYRANK', KEYS[8], 0, -limit - 1)
    redis.call('EXPIRE', KEYS[8], ARGV[7])
end
return reply
