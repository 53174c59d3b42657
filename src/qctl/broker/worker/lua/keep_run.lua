-- Write what a job keeps of one of its runs.
-- KEYS
--   job HASH
-- ARGV
--   started: the start of the run, in RQ's format
--   run: JSON {run, worker, outcome, ended, error}, empty to leave it
--   log: JSON {run, worker, total, lines}, empty to leave it
-- Returns 1 written, 0 the job's data is gone
-- Atomic: a job that is deleted meanwhile does not come back with these fields alone.
if redis.pcall('HEXISTS', job, 'status') ~= 1 then return 0 end
if run ~= '' then redis.call('HSET', job, 'qctl_run_' .. started, run) end
if log ~= '' then redis.call('HSET', job, 'qctl_log_' .. started, log) end
delete_old_runs(job)
return 1
