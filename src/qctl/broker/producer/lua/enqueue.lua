-- Create jobs that are new, where their owner's limits allow it: enqueue them, or put them on the schedule.
-- KEYS[1] LIST waiting  KEYS[2] ZSET scheduled  KEYS[3] SET of queues  KEYS[4] STREAM of events
--   KEYS[5] ZSET of the owner's creations  KEYS[6] SET of the owner's active jobs  KEYS[7] HASH of refusals
--   KEYS[8] ZSET of the owner's jobs  then one HASH a job
-- ARGV[1] cap of the stream  ARGV[2] when they are due (s), empty for now  ARGV[3] delay from now (ms), 0 none
--   ARGV[4] most creations in the window, 0 any  ARGV[5] the window (ms)  ARGV[6] most active jobs, 0 any
--   ARGV[7] seconds that an idle owner's jobs are remembered  ARGV[8] prefix of job hashes
--   ARGV[9] prefix of results  ARGV[10] most jobs that the owner is shown, 0 without an owner
--   ARGV[11] how many words of the event follow, then those
--   then how many fields and values follow that all jobs share, then those
--   then for each job: id, how many fields and values of its own follow, then those
-- Returns {`done`, 1 created or 0 there already, ...} one number a job · {`rate`, ms until there is room} ·
--   {`active`}: nothing was created
-- Atomic: the same call again, because its reply was lost, creates nothing twice; any number of producers of one owner
--   stay below the limits. A job that was canceled, and may lie in the trash, gives way to a new one of its id.
for n, kind in ipairs({'list', 'zset', 'set', 'stream', 'zset', 'set', 'hash', 'zset'}) do
    local found = redis.call('TYPE', KEYS[n]).ok
    if found ~= 'none' and found ~= kind then
        return redis.error_reply('WRONGTYPE ' .. KEYS[n] .. ' is a ' .. found .. ', not a ' .. kind)
    end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pending = {queued = true, started = true, scheduled = true, deferred = true, rate_limited = true,
    ready_to_enqueue = true}

local jobs, new, seen = {}, {}, {}
local shared = 13 + ARGV[11]
local at = shared + ARGV[shared - 1]
local common = {unpack(ARGV, shared, at - 1)}
for n = 9, #KEYS do
    local job = {key = KEYS[n], id = ARGV[at], first = at + 2, last = at + 1 + ARGV[at + 1]}
    at = at + 2 + ARGV[at + 1]
    local found = redis.call('TYPE', job.key).ok
    if found ~= 'none' and found ~= 'hash' then
        return redis.error_reply('WRONGTYPE ' .. job.key .. ' is a ' .. found .. ', not a hash')
    end
    job.new = not seen[job.id] and (found == 'none' or redis.call('HGET', job.key, 'status') == 'canceled')
    seen[job.id] = true
    jobs[#jobs + 1] = job
    if job.new then new[#new + 1] = job end
end

local function refuse(which, ...)
    redis.call('HINCRBY', KEYS[7], which, #new)
    return {which, ...}
end

-- Redis asks whether there is memory left before the first write of a script only, and of those that may need some
-- only: each step below begins with one that does.
local most = tonumber(ARGV[4])
if most > 0 and #new > 0 then
    local begin = '(' .. now - ARGV[5]
    local added = 0
    for _, job in ipairs(new) do
        local before = redis.call('ZSCORE', KEYS[5], job.id)
        if not before or tonumber(before) <= now - ARGV[5] then added = added + 1 end
    end
    local over = redis.call('ZCOUNT', KEYS[5], begin, '+inf') + added - most
    if over > 0 then
        local leaves = redis.call('ZRANGEBYSCORE', KEYS[5], begin, '+inf', 'WITHSCORES', 'LIMIT', over - 1, 1)
        return refuse('rate', leaves[2] and math.max(1, leaves[2] + ARGV[5] - now) or tonumber(ARGV[5]))
    end
    -- An attempt counts, also one that the other limit refuses.
    for _, job in ipairs(new) do redis.call('ZADD', KEYS[5], now, job.id) end
    redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - ARGV[5])
    redis.call('PEXPIRE', KEYS[5], ARGV[5])
end
most = tonumber(ARGV[6])
if most > 0 and #new > 0 then
    local ended = {}
    if redis.call('SCARD', KEYS[6]) + #new > most then
        for _, id in ipairs(redis.call('SMEMBERS', KEYS[6])) do
            local key = ARGV[8] .. id
            local status = redis.call('TYPE', key).ok == 'hash' and redis.call('HGET', key, 'status')
            if not status or not pending[status] then ended[#ended + 1] = id end
        end
    end
    if redis.call('SCARD', KEYS[6]) - #ended + #new > most then return refuse('active') end
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

most = tonumber(ARGV[10])
if most > 0 and #new > 0 then
    for _, job in ipairs(new) do redis.call('ZADD', KEYS[8], now, job.id) end
    -- Jobs end in many ways. A few are looked at for each that comes, so that those that are gone stay a small part.
    for _, id in ipairs(redis.call('ZRANDMEMBER', KEYS[8], 4 * #new)) do
        if redis.call('EXISTS', ARGV[8] .. id) == 0 then redis.call('ZREM', KEYS[8], id) end
    end
    redis.call('ZREMRANGEBYRANK', KEYS[8], 0, -most - 1)
    redis.call('EXPIRE', KEYS[8], ARGV[7])
end
return reply
