-- Find a flow, which is some jobs and all that depend on them, and the keys of their queues: the beginning of the
-- scripts cancel_flow and retry_flow, not a script itself.
-- KEYS none of its own
-- ARGV
--   max_jobs: jobs of the largest flow
--   job_prefix: of the hashes of jobs
--   dependents_suffix: of the key of a job's dependents, after the key of its hash
--   dependents_field: field of a job's hash that has the dependents that it enqueued, as a JSON list
--   batch_field: field of a job's hash that has its trash batch
--   queue_prefix: of the LIST of a queue
--   canceled_prefix: of the ZSET of its canceled jobs
--   deferred_prefix: of the ZSET of its deferred jobs
--   roots...: ids of the jobs that the flow begins with
-- Returns nothing. `flow_jobs()` returns the ids, each once and its dependents after it, nil if they are more than
--   `max_jobs`; `has_type(key, kind)` is false for a key of another type.
-- Atomic: the flow is found in the step that acts on it, so that a dependent that was added before is part of it.
local function has_type(key, kind)
    local actual = redis.call('TYPE', key).ok
    return actual == kind or actual == 'none'
end

local function dependents_of(id)
    local key, ids = job_prefix .. id .. dependents_suffix, {}
    if has_type(key, 'set') then
        if redis.call('SCARD', key) > tonumber(max_jobs) then return nil end
        ids = redis.call('SMEMBERS', key)
        table.sort(ids)
    end
    local job = job_prefix .. id
    local enqueued = redis.call('TYPE', job).ok == 'hash' and redis.call('HGET', job, dependents_field)
    local is_list, listed = pcall(cjson.decode, enqueued or '')
    for _, other in ipairs(is_list and type(listed) == 'table' and listed or {}) do
        if type(other) == 'string' then ids[#ids + 1] = other end
    end
    return ids
end

local function flow_jobs()
    local ids, seen, at = {}, {}, 1
    local function add(id)
        if seen[id] then return end
        seen[id] = true
        ids[#ids + 1] = id
    end
    for _, id in ipairs(roots) do add(id) end
    while at <= #ids do
        if #ids > tonumber(max_jobs) then return nil end
        local others = dependents_of(ids[at])
        if not others then return nil end
        for _, other in ipairs(others) do add(other) end
        at = at + 1
    end
    return ids
end

