-- sweep tells Redis what the change log has had since the cursor.
-- ARGV: a fresh version, the cursor that the log was read from, the new
-- cursor, Redis' time before the log was read in ms, the lease in ms, 1 if
-- everything counts as changed, then for each write: its id, the number of its
-- scopes, the scopes. Returns {1 if it was told, writes that nobody had
-- announced, or not with all their scopes}.
local fresh, from = ARGV[1], ARGV[2]
if (shared('cursor')[1] or '') ~= from then return {0, 0} end
local repaired, now = 0, milliseconds()
if from == '' and not shared('run')[1] then
  -- The memory was emptied, and its server is the same. The next connection need not
  -- take it for another one, which would empty it once more.
  local info = redis.pcall('INFO', 'server')
  redis.call('HSET', SHARED, 'run', type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'in-process')
end
if from == '' or ARGV[6] == '1' then
  redis.call('HSET', SHARED, 'epoch', fresh)
  redis.call('DEL', TASK)
  redis.call('HSET', TASK, 'until', '0')
  redis.call('EXPIRE', TASK, 60)
end
local i = 7
while i <= #ARGV do
  local write, n = ARGV[i], tonumber(ARGV[i + 1])
  local told = ',' .. (get('done:' .. write) or '') .. ','
  redis.call('DEL', 'done:' .. write)
  local missed = 0
  for j = i + 2, i + 1 + n do
    local key = state(ARGV[j])
    local st, held = sound(get(key), ARGV[j]), false
    if st then st, held = without(st, ARGV[j], write) end
    local known = string.find(told, ',' .. ARGV[j] .. ',', 1, true)
    if not known then missed = 1 end
    if held or not known then
      if st then redis.call('SET', key, renewed(st, ARGV[j], fresh)) end
      redis.call('HSET', SHARED, shard(ARGV[j]), fresh)
      wrote(ARGV[j], '0', now)
    end
  end
  repaired = repaired + missed
  i = i + 2 + n
end
redis.call('HSET', SHARED, 'cursor', ARGV[3], 'lease', tostring(tonumber(ARGV[4]) + tonumber(ARGV[5])))
return {1, repaired}
