-- Account for the memory that jobs of one kind use: the beginning of scripts that add such jobs, not a script itself.
-- KEYS
--   budgets HASH kind, and `kind:group`, -> bytes in use
--   ledger HASH job id -> its bytes, a space, its group
-- ARGV
--   budget_kind: users, rejects or letters
--   assumed_memory: bytes that Redis may use if it has no maxmemory
--   job_prefix: of the hashes of jobs
-- Returns nothing. `budget_limit(percent)` returns the bytes that a share of maxmemory is. `budget_used(field)` returns
--   the bytes in use. `charge(id, bytes, group)` adds a job. `sweep(count)` removes jobs that are gone, of `count` that
--   are chosen at random, and returns how many it looked at and how many it removed.
-- Atomic: jobs are deleted in many ways, by RQ and by expiry too, so their bytes are given back by looking whether they
--   still exist; the sums stay those of the ledger.
local memory
local function budget_limit(percent)
    if not memory then  -- INFO takes longer than all else here
        local info = redis.pcall('INFO', 'memory')
        memory = type(info) == 'string' and tonumber(string.match(info, 'maxmemory:(%d+)')) or 0
        if memory == 0 then memory = tonumber(assumed_memory) end
    end
    return math.floor(memory * percent / 100)
end

local function budget_used(field) return tonumber(redis.call('HGET', budgets, field) or '0') end

local function add_bytes(bytes, group)
    for _, field in ipairs({budget_kind, budget_kind .. ':' .. group}) do
        if redis.call('HINCRBY', budgets, field, string.format('%.0f', bytes)) <= 0 then
            redis.call('HDEL', budgets, field)
        end
    end
end

local function release(id, entry)
    local bytes, group = string.match(entry, '^(%d+) (.*)$')
    redis.call('HDEL', ledger, id)
    if bytes then add_bytes(-bytes, group) end
end

local function charge(id, bytes, group)
    local before = redis.call('HGET', ledger, id)
    if before then release(id, before) end
    redis.call('HSET', ledger, id, string.format('%.0f %s', bytes, group))
    add_bytes(bytes, group)
end

local function sweep(count)
    local chosen, removed = redis.call('HRANDFIELD', ledger, count, 'WITHVALUES'), 0
    for n = 1, #chosen, 2 do
        local status = redis.pcall('HGET', job_prefix .. chosen[n], 'status')
        -- A job of a user counts as long as it exists, finished or not; a dead letter as long as it is one.
        local counts = type(status) == 'string' and (budget_kind == 'users' or status == 'failed')
        if not counts then
            release(chosen[n], chosen[n + 1])
            removed = removed + 1
        end
    end
    return {#chosen / 2, removed}
end

