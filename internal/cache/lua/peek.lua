-- peek is read without a token and without a write: for those who check the
-- cache from outside. ARGV: the list's name, the user, the pod's time in ms,
-- 1 to compare the server's run_id with that of the memory's owner, as connect
-- does for everybody else.
-- Returns {copy, Redis' time in ms}, or {'', why a read would not be served
-- from here}.
local list, user, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local s = redis.pcall('HMGET', SHARED, 'epoch', 'lease', 'run') -- shared() mends, which is a write
if s.err then return {'', 'no-lease'} end
if ARGV[4] == '1' and s[3] ~= string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') then return {'', 'another-memory'} end
if not s[1] or not lasts(s[2]) then return {'', 'no-lease'} end
local text, why = {}, nil
local function add(scope)
  local st = sound(get(state(scope)), scope)
  if not st then why = 'no-state'
  elseif holds(st, scope) ~= '' then why = 'held'
  else text[#text + 1] = scope .. '=' .. version(st, scope) end
  return not why
end
if not add('u' .. user) then return {'', why} end
for id in string.gmatch(get('residence_ids_user:' .. user) or get('list_ids:' .. user) or '', '%d+') do
  if not add(shows(list) .. id) then return {'', why} end
end
local copy = get('list:' .. list .. ':' .. user)
if not copy then return {'', 'gone'} end
if string.sub(copy, 1, 40) ~= digested(list, s[1], text) then return {'', 'superseded'} end
local until_ms = tonumber(string.sub(copy, 41, 56))
if not until_ms then return {'', 'unreadable'} end
if until_ms ~= 0 and until_ms <= now then return {'', 'aged'} end
return {copy, string.format('%.0f', milliseconds())}
