-- due asks whether the change log has to be read again, and takes the turn: of
-- many pods one reads it in each period. It may also give the caller the task of
-- filling what an emptied memory has lost: each pod has it once, one after the other.
-- ARGV: the period in ms, the caller's name ('' if it has nothing to fill), how long
-- it may keep the task in ms.
-- Returns {} or {Redis' time in ms, the cursor or '', 1 if it has the task}.
local now = milliseconds()
local s = shared('swept', 'cursor')
local last = tonumber(s[1] or '')
if last and last <= now and now - last < tonumber(ARGV[1]) then return {} end
redis.call('HSET', SHARED, 'swept', now)
local task = ''
if ARGV[2] ~= '' then
  local taken = redis.pcall('HMGET', TASK, 'until', ARGV[2])
  if not taken.err and taken[1] and not taken[2] and (tonumber(taken[1]) or 0) <= now then
    redis.call('HSET', TASK, 'until', string.format('%.0f', now + ARGV[3]), ARGV[2], '1')
    task = '1'
  end
end
return {tostring(now), s[2] or '', task}
