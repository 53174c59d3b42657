-- Claim the head of the first queue that is not paused.
-- KEYS[1] HASH of pauses  KEYS[2] STRING set by `rq suspend`  KEYS[3] ZSET of leases  KEYS[4] STREAM of events
--   KEYS[5] HASH of quiet claimants
--   then four a queue: LIST waiting, LIST intermediate, HASH claims, ZSET started
-- ARGV[1] claimant  ARGV[2] prefix of job hashes  ARGV[3] lease (ms)  ARGV[4] cap of the stream
--   then three a queue: name, family, prefix of its counts
-- Returns {1, n, id, fields}  claimed from the n-th queue, with the job's hash
--         {2, n, id, type}    claimed, but its key is not a hash
--         {0, n, id}          nothing: n is the first queue that is not held, 0 if all are or the claimant is quiet
-- Fails, before it changes anything, where a key that all queues share holds another type. A queue with such a key of
--   its own is passed over.
-- Atomic: between the look at the pause and the claim nobody can pause or quiet, and a claim without a lease or a lease without
--   its claim never shows. A pause that comes later finds the claim in the intermediate list.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function held(name)
    local raw = redis.call('HGET', KEYS[1], name)
    if not raw then return false end
    local ok, pause = pcall(cjson.decode, raw)
    return not ok or type(pause) ~= 'table' or type(pause['until']) ~= 'number' or pause['until'] > now
end

local function count(prefix, depth)
    local minute = math.floor(time[1] / 60)
    local key = prefix .. math.floor(minute / 60)
    local field = minute % 60
    redis.pcall('HINCRBY', key, field .. '.taken', 1)
    if redis.pcall('HSETNX', key, field .. '.depth', depth) == 1 then redis.call('EXPIRE', key, 172800) end
end

local function is(key, kind)
    local found = redis.call('TYPE', key).ok
    return found == kind or found == 'none'
end

if redis.call('EXISTS', KEYS[2]) == 1 then return {0, 0, ''} end
for n, kind in pairs({'hash', nil, 'zset', 'stream', 'hash'}) do
    if not is(KEYS[n], kind) then return redis.error_reply('WRONGTYPE ' .. KEYS[n] .. ' is not a ' .. kind) end
end
if redis.call('HEXISTS', KEYS[5], ARGV[1]) == 1 then return {0, 0, ''} end

local open = 0
for n = 1, (#KEYS - 5) / 4 do
    local waiting, intermediate, claims, started = unpack(KEYS, 4 * n + 2, 4 * n + 5)
    local name, family, counts = ARGV[3 * n + 2], ARGV[3 * n + 3], ARGV[3 * n + 4]
    if not held(name) and (family == name or not held(family)) then
        local sound = is(waiting, 'list') and is(intermediate, 'list') and is(claims, 'hash') and is(started, 'zset')
        if open == 0 and sound then open = n end
        -- Ids whose hash is gone are passed over here, a bounded number a call.
        for _ = 1, 100 do
            if not sound then break end
            local id = redis.call('LMOVE', waiting, intermediate, 'LEFT', 'RIGHT')
            if not id then break end
            local job = ARGV[2] .. id
            local type = redis.call('TYPE', job).ok
            -- A stock worker of several queues leaves the id where it is when it starts the job, which may come again.
            redis.call('LREM', intermediate, 0, id)
            if type == 'none' then
                redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'event', 'discarded', 'queue', name,
                    'job', id, 'reason', 'its data is gone')
            else
                redis.call('RPUSH', intermediate, id)
                redis.call('HSET', claims, id, ARGV[1] .. '|' .. now)
                redis.call('ZADD', KEYS[3], now + tonumber(ARGV[3]), ARGV[1])
                count(counts, redis.call('LLEN', waiting) + 1)
                if type == 'hash' then return {1, n, id, redis.call('HGETALL', job)} end
                return {2, n, id, type}
            end
        end
    end
end
return {0, open, ''}
