-- read follows token, user and list to all states involved.
-- KEYS: the token. ARGV: a fresh version, the list's name ('' for none), the
-- digests that the client's copies carry, with commas, the pod's time in ms,
-- the key of a hint ('' for none), TTL of the ids and of copies in s.
-- Returns one of
--   {'revoked'}
--   {'unknown', epoch, leased, shared...}                    no such token here
--   {'held', user, 'scope,write id,...;...'}                 go round
--   {'unleased', user}                                       go round
--   {'same', user, mine, digest}                             the client's copy stands
--   {'hit', user, mine, copy, ids}
--   {'known', user, mine, ids, hint}                         no list was asked for
--   {'miss', user, 1 if the token stands, epoch, digest, 1 if the ids are those
--     of the user's version, the copy if only its age is in the way, why it is
--     a miss, number of scopes, scope, version, ..., shared...}
-- where mine is the epoch with the user's version: what stands after the epoch
-- has changed stands for nothing.
local fresh, list, theirs, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local s = shared('epoch', 'lease')
local epoch, leased = s[1], lasts(s[2])
if not epoch or epoch == '' then
  epoch = fresh
  redis.call('HSET', SHARED, 'epoch', epoch)
end

local token = get(KEYS[1])
if token == 'revoked' then return {'revoked'} end
local user, at = string.match(token or '', '^(%d+) (.+)$')
if not user then
  local reply = redis.call('HGETALL', SHARED)
  table.insert(reply, 1, leased and '1' or '0')
  table.insert(reply, 1, epoch)
  table.insert(reply, 1, 'unknown')
  return reply
end

-- The ids of the lists that were filled outlive S11's: the digest proves them.
local of = redis.call('MGET', 'residence_ids_user:' .. user, 'residence_ids_version:' .. user, 'list_ids:' .. user)
local ids = of[1] or of[3] or ''
local scopes, all = {'u' .. user}, true
if list ~= '' then
  for id in string.gmatch(ids, '%d+') do
    if #scopes > 1000 then -- more than a stack takes: always a miss, and shared with nobody
      all = false
      break
    end
    scopes[#scopes + 1] = shows(list) .. id
  end
end
local keys = {}
for i, scope in ipairs(scopes) do keys[i] = state(scope) end
local states = redis.call('MGET', unpack(keys))
local held, text, lost = '', {}, false
for i, scope in ipairs(scopes) do
  local st = sound(states[i], scope)
  if not st then
    st = created(scope, fresh)
    redis.call('SET', keys[i], st)
    lost = true
  end
  local by = holds(st, scope)
  if by ~= '' then held = held .. ';' .. scope .. by end
  states[i] = version(st, scope)
  text[i] = scope .. '=' .. states[i]
end
if held ~= '' then return {'held', user, held} end
if not leased then return {'unleased', user} end

local mine, aged, copy = epoch .. states[1], '', nil
local current = digested(list, epoch, text)
if at == mine then
  redis.call('EXPIRE', 'residence_ids_user:' .. user, ARGV[6])
  redis.call('EXPIRE', 'residence_ids_version:' .. user, ARGV[6])
  if list == '' then return {'known', user, mine, ids, ARGV[5] ~= '' and get(ARGV[5]) or ''} end
  local same = string.find(theirs, current, 1, true)
  copy = not same and get('list:' .. list .. ':' .. user)
  local fitting = copy and fits(copy, current)
  local stands = same or fitting and young(copy, now)
  if stands and not of[1] then
    redis.call('SET', 'residence_ids_user:' .. user, ids, 'EX', ARGV[6])
    redis.call('SET', 'residence_ids_version:' .. user, mine, 'EX', ARGV[6])
  end
  if stands then see(user, list, milliseconds()) end
  if same then return {'same', user, mine, current} end
  if stands then return {'hit', user, mine, copy, ids} end
  if fitting then aged = copy end
end

-- Why the list is a miss: a hint, which nothing depends on.
local function reason()
  if list == '' then return '' end
  if aged ~= '' then return 'aged' end
  if lost then return 'evicted' end
  if string.sub(at, 1, #epoch) ~= epoch then return 'reset' end
  if at ~= mine then copy = get('list:' .. list .. ':' .. user) end
  local since = copy and tonumber(string.sub(copy, 57, 72))
  if not since then return gone(user, list, tonumber(ARGV[7]), milliseconds()) end
  local last, writer = 0, nil
  for i = 2, #scopes do
    local ms, by = string.match(noted('readers:' .. scopes[i], 'w') or '', '^(%d+) (%d+)$')
    if ms and tonumber(ms) >= since and tonumber(ms) >= last then last, writer = tonumber(ms), by end
  end
  if not writer then return 'other_kind' end
  return writer == user and 'own_write' or 'other_write'
end

-- The digest of a copy proves the ids, as the user's version does.
local known = all and (aged ~= '' or of[1] and of[2] == mine and ids ~= '')
local reply = {'miss', user, at == mine and '1' or '0', epoch, current, known and '1' or '0', aged, reason(), tostring(#scopes)}
for i, scope in ipairs(scopes) do
  reply[#reply + 1] = scope
  reply[#reply + 1] = states[i]
end
local rest = redis.call('HGETALL', SHARED)
for i = 1, #rest do reply[#reply + 1] = rest[i] end
return reply
