-- read follows token, user and list to all states involved.
-- KEYS: the token. ARGV: a fresh version, the list's name ('' for none), the
-- digest that the client's copy carries ('' for none), the pod's time in ms,
-- the key of a hint ('' for none), TTL of the ids in s.
-- Returns one of
--   {'revoked'}
--   {'unknown', epoch, leased, shared...}                    no such token here
--   {'held', user, 'scope,write id,...;...'}                 go round
--   {'unleased', user}                                       go round
--   {'same', user, version, digest}                          the client's copy stands
--   {'hit', user, version, copy}
--   {'known', user, version, ids, hint}                      no list was asked for
--   {'miss', user, 1 if the token stands, epoch, digest, 1 if the ids are those
--     of the user's version, number of scopes, scope, version, ..., shared...}
local fresh, list, digest, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local s = shared('epoch', 'lease')
local epoch = s[1]
if not epoch then
  epoch = fresh
  redis.call('HSET', SHARED, 'epoch', epoch)
end
local leased = s[2] and tonumber(s[2]) > milliseconds()

local token = get(KEYS[1])
if token == 'revoked' then return {'revoked'} end
local user, at = string.match(token or '', '^(%d+) (%x+)$')
if not user then
  local reply = redis.call('HGETALL', SHARED)
  table.insert(reply, 1, leased and '1' or '0')
  table.insert(reply, 1, epoch)
  table.insert(reply, 1, 'unknown')
  return reply
end

local of = redis.call('MGET', 'residence_ids_user:' .. user, 'residence_ids_version:' .. user)
local ids = of[1] or ''
local scopes = {'u' .. user}
if list ~= '' then
  for id in string.gmatch(ids, '%d+') do
    if #scopes > 1000 then break end -- more than a stack takes; the rest is a miss
    scopes[#scopes + 1] = 'r' .. id
  end
end
local keys = {}
for i, scope in ipairs(scopes) do keys[i] = state(scope) end
local states = redis.call('MGET', unpack(keys))
local held, text = '', {}
for i, scope in ipairs(scopes) do
  local st = states[i]
  if not st or #st < 16 then
    st = fresh
    redis.call('SET', keys[i], st)
  end
  if #st > 16 then held = held .. ';' .. scope .. holds(st) end
  states[i] = version(st)
  text[i] = scope .. '=' .. states[i]
end
if held ~= '' then return {'held', user, held} end
if not leased then return {'unleased', user} end

local stands = at == states[1]
if stands then
  redis.call('EXPIRE', 'residence_ids_user:' .. user, ARGV[6])
  redis.call('EXPIRE', 'residence_ids_version:' .. user, ARGV[6])
end
if list == '' then
  if stands then return {'known', user, states[1], ids, ARGV[5] ~= '' and get(ARGV[5]) or ''} end
end
local current = redis.sha1hex(list .. '\n' .. epoch .. '\n' .. table.concat(text, ','))
if stands and list ~= '' then
  if digest == current then return {'same', user, states[1], current} end
  local copy = get('list:' .. list .. ':' .. user)
  if copy and string.sub(copy, 1, 40) == current then
    local until_ms = tonumber(string.sub(copy, 41, 56))
    if until_ms and (until_ms == 0 or until_ms > now) then return {'hit', user, states[1], copy} end
  end
end
local reply = {'miss', user, stands and '1' or '0', epoch, current, of[2] == states[1] and ids ~= '' and '1' or '0', tostring(#scopes)}
for i, scope in ipairs(scopes) do
  reply[#reply + 1] = scope
  reply[#reply + 1] = states[i]
end
local rest = redis.call('HGETALL', SHARED)
for i = 1, #rest do reply[#reply + 1] = rest[i] end
return reply
