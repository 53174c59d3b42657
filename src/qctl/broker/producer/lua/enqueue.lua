-- Create the jobs that do not exist yet, if the owner's limits and the budgets of memory allow it, and enqueue or
-- schedule them. Begins with budget.lua, which has the rest of its head; its kind is `users`.
-- KEYS
--   waiting LIST
--   scheduled ZSET
--   queues SET
--   events STREAM
--   created ZSET of the owner's creations
--   active SET of the owner's active jobs
--   rejections HASH of rejection counts
--   owned ZSET of the owner's jobs
--   totals HASH of counts since counting began
--   sessions HASH of the session version of each user
--   logged_out STRING, which exists if the token was logged out
-- ARGV
--   max_events
--   due: due time in seconds, empty for now
--   delay_ms: from now, 0 for none
--   max_created: jobs created in the window, 0 for no limit
--   window_ms
--   max_active: active jobs, 0 for no limit
--   owner_ttl: of an idle owner's keys, in seconds
--   owner: empty for none
--   overhead: bytes of a job of an owner beside its fields
--   users_percent: of maxmemory, for jobs with an owner; 0 for no limit
--   owner_percent: of that, for one owner
--   letters_percent: of maxmemory, for dead letters; 0 for no limit
--   queue
--   results_prefix: of the results of jobs
--   max_owned: length of the owner's list of jobs, 0 without an owner
--   session: version of the owner's session that must not have ended, empty for no check
-- KEYS jobs[n]
--   job HASH
-- ARGV jobs[n]
--   id
--   values: number of its own fields and values among `fields`
-- ARGV
--   event...: fields and values of the event
--   common...: fields and values that all jobs share
--   fields...: own fields and values of all jobs
-- Returns {`done`, flag, ...} with one flag for each job, 1 created or 0 it exists · {`rate`, ms until there is room} ·
--   {`active`} · {`memory`, `owner`, `users` or `letters`, bytes in use, bytes allowed}: nothing was created ·
--   {`session`}: it has ended, and nothing was created
-- Atomic: the same call, repeated because its reply was lost, creates nothing twice; any number of producers of one
--   owner stay below the limits. A canceled job, which may be in the trash, is replaced by a new job with its id.
local wrong = wrong_type({waiting, scheduled, queues, events, created, active, rejections, owned, totals, budgets, ledger})
if wrong then return wrong end
if session ~= '' and (redis.call('HGET', sessions, owner) ~= session or redis.call('EXISTS', logged_out) == 1) then
    return {'session'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pending = {queued = true, started = true, scheduled = true, deferred = true, rate_limited = true,
    ready_to_enqueue = true}

local jobs, new, seen, first = {}, {}, {}, 1
for n = 1, jobs_count do
    local entry = jobs_at(n)
    entry.first, entry.last = first, first + entry.values - 1
    first = entry.last + 1
    entry.exists = redis.call('EXISTS', entry.job) == 1
    wrong = entry.exists and wrong_type({entry.job}, 'hash')
    if wrong then return wrong end
    entry.new = not seen[entry.id] and (not entry.exists or redis.call('HGET', entry.job, 'status') == 'canceled')
    seen[entry.id] = true
    jobs[n] = entry
    if entry.new then new[#new + 1] = entry end
end

local function reject(name, ...)
    redis.call('HINCRBY', rejections, name, #new)
    return {name, ...}
end

-- Redis checks for free memory only before the first write of a script, and only if that command may need memory.
-- So each step below begins with such a command.
local limit = tonumber(max_created)
if limit > 0 and #new > 0 then
    local window_start = '(' .. now - window_ms
    local added = 0
    for _, entry in ipairs(new) do
        local before = redis.call('ZSCORE', created, entry.id)
        if not before or tonumber(before) <= now - window_ms then added = added + 1 end
    end
    local over = redis.call('ZCOUNT', created, window_start, '+inf') + added - limit
    if over > 0 then
        local oldest = redis.call('ZRANGEBYSCORE', created, window_start, '+inf', 'WITHSCORES', 'LIMIT', over - 1, 1)
        return reject('rate', oldest[2] and math.max(1, oldest[2] + window_ms - now) or tonumber(window_ms))
    end
    -- Every attempt counts, also one that the other limit rejects.
    for _, entry in ipairs(new) do redis.call('ZADD', created, now, entry.id) end
    redis.call('ZREMRANGEBYSCORE', created, '-inf', now - window_ms)
    redis.call('PEXPIRE', created, window_ms)
end

local function size(entry)
    local bytes = tonumber(overhead)
    for k = entry.first, entry.last do bytes = bytes + #fields[k] end
    return bytes
end

-- Returns which budget is used up, the bytes in use, and its limit.
local function used_up()
    local used = redis.call('HMGET', budgets, 'letters', 'letters:' .. queue, 'users', 'users:' .. owner)
    for n = 1, #used do used[n] = tonumber(used[n] or '0') end
    local letters, of_queue, users, of_owner = unpack(used)
    if tonumber(letters_percent) > 0 and letters > 0 then
        local limit = budget_limit(letters_percent)
        if letters >= limit and of_queue >= limit / 10 then return 'letters', of_queue, limit end
    end
    if owner == '' or tonumber(users_percent) == 0 then return nil end
    local added = 0
    for _, entry in ipairs(new) do added = added + size(entry) end
    local limit = budget_limit(users_percent)
    if users + added > limit then return 'users', users, limit end
    limit = math.floor(limit * owner_percent / 100)
    if of_owner + added > limit then return 'owner', of_owner, limit end
end

if #new > 0 then
    local kind, used, most = used_up()
    if kind and kind ~= 'letters' then
        sweep(500)
        kind, used, most = used_up()
    end
    if kind then return reject('memory', kind, string.format('%.0f', used), string.format('%.0f', most)) end
end

limit = tonumber(max_active)
if limit > 0 and #new > 0 then
    local ended, count = {}, redis.call('SCARD', active)
    if count + #new > limit then
        for _, id in ipairs(redis.call('SMEMBERS', active)) do
            local job = job_prefix .. id
            local status = redis.call('TYPE', job).ok == 'hash' and redis.call('HGET', job, 'status')
            if not status or not pending[status] then ended[#ended + 1] = id end
        end
    end
    if count - #ended + #new > limit then return reject('active') end
    for _, entry in ipairs(new) do redis.call('SADD', active, entry.id) end
    for _, id in ipairs(ended) do
        if not seen[id] then redis.call('SREM', active, id) end
    end
    redis.call('EXPIRE', active, owner_ttl)
end

if due == '' and tonumber(delay_ms) > 0 then due = math.ceil((now + delay_ms) / 1000) end
local reply = {'done'}
for n, entry in ipairs(jobs) do
    reply[n + 1] = entry.new and 1 or 0
    if entry.new then
        local job = entry.job
        if entry.exists then redis.call('DEL', job, results_prefix .. entry.id) end
        local values = {unpack(common)}
        for k = entry.first, entry.last do values[#values + 1] = fields[k] end
        redis.call('HSET', job, unpack(values))
        if owner ~= '' then charge(entry.id, size(entry), owner) end
        if due == '' then
            redis.call('RPUSH', waiting, entry.id)
        else
            redis.call('HSET', job, 'status', 'scheduled')
            redis.call('ZADD', scheduled, due, entry.id)
        end
        redis.call('XADD', events, 'MAXLEN', '~', max_events, '*', 'event', 'created', 'job', entry.id, unpack(event))
    end
end
if #new > 0 then
    redis.call('SADD', queues, waiting)
    redis.call('HINCRBY', totals, 'submitted:' .. queue, #new)
end

limit = tonumber(max_owned)
if limit > 0 and #new > 0 then
    for _, entry in ipairs(new) do redis.call('ZADD', owned, now, entry.id) end
    -- Jobs are deleted in many ways. Each call checks a few at random, so that few deleted ones stay in the list.
    for _, id in ipairs(redis.call('ZRANDMEMBER', owned, 4 * #new)) do
        if redis.call('EXISTS', job_prefix .. id) == 0 then redis.call('ZREM', owned, id) end
    end
    redis.call('ZREMRANGEBYRANK', owned, 0, -limit - 1)
    redis.call('EXPIRE', owned, owner_ttl)
end
return reply
