-- Write which jobs waited for one that has ended.
-- KEYS
--   job HASH
-- ARGV
--   field: of the job's hash
--   max_ids: ids that are kept
--   ids...
-- Returns 1 written, 0 the job's data is gone
-- Atomic: a job that is deleted meanwhile does not come back with this field alone.
if redis.pcall('HEXISTS', job, 'status') ~= 1 then return 0 end
local is_list, kept = pcall(cjson.decode, redis.call('HGET', job, field) or '[]')
kept = is_list and type(kept) == 'table' and kept or {}
local known = {}
for _, id in ipairs(kept) do known[id] = true end
for _, id in ipairs(ids) do
    if not known[id] and #kept < tonumber(max_ids) then
        kept[#kept + 1] = id
        known[id] = true
    end
end
if #kept > 0 then redis.call('HSET', job, field, cjson.encode(kept)) end
return 1
