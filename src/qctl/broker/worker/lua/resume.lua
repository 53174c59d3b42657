-- Let a queue go on.
-- KEYS[1] HASH of pauses  KEYS[2] HASH of breakers  KEYS[3] STREAM of events
-- ARGV[1] queue  ARGV[2] who  ARGV[3] cap of the stream  ARGV[4] `ended` to remove only a pause whose time is over
-- Returns 1 if it was held, else 0
-- Atomic: the look at the pause and its removal are one step, so a pause set meanwhile is not removed with an old one.
local wrong = wrong_type(KEYS, {'hash', 'hash', 'stream'})
if wrong then return wrong end
local raw = redis.call('HGET', KEYS[1], ARGV[1])
if not raw then return 0 end
local time = redis.call('TIME')
local ok, pause = pcall(cjson.decode, raw)
local ends = ok and type(pause) == 'table' and pause['until']
local over = type(ends) == 'number' and ends <= time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[4] == 'ended' and not over then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
-- How often the sink was found down is forgotten when a person resumes, kept when the breaker's own time is over.
if ARGV[4] ~= 'ended' then redis.call('HDEL', KEYS[2], ARGV[1]) end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'event', 'resumed', 'queue', ARGV[1], 'actor', ARGV[2])
if over and ARGV[4] ~= 'ended' then return 0 end
return 1
