-- hold says that a write is about to change these scopes, and finds who has
-- read the changed list lately: their copies can be filled anew by release. While
-- the hold stands nothing is served or filled. The version stays: a write that is
-- refused changes nothing.
-- ARGV: a version for states that are missing, the write id, the list's name
-- ('' to find nobody), the user who writes, how many readers at most, how long
-- ago a reader may have been seen in ms, the scopes.
-- Returns {}, or {epoch, then for each reader, the writer first: user, hash of a
-- token, bytes of the copy, ids, number of scopes, scope, version, ...}. The
-- versions are those that stand now, after the hold.
shared('epoch') -- mends a planted key
for i = 7, #ARGV do
  local key = state(ARGV[i])
  local st = sound(get(key), ARGV[i])
  if not st then
    st = created(ARGV[i], ARGV[1])
    redis.call('HSET', SHARED, shard(ARGV[i]), ARGV[1])
  end
  redis.call('SET', key, st .. ',' .. letter(ARGV[i]) .. ARGV[2])
end
local list, write, writer, most, window = ARGV[3], ARGV[2], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local s = shared('epoch', 'lease')
if list == '' or not s[1] or s[1] == '' or not lasts(s[2]) then return {} end

-- The versions of all that the user's list depends on. Where another write holds
-- any of it, a fill would be refused or of no use.
local function versions(user, ids)
  local out = {}
  local function add(scope)
    local st = sound(get(state(scope)), scope)
    if not st then return false end
    local by = holds(st, scope)
    if by ~= '' and by ~= ',' .. write then return false end
    out[#out + 1] = scope
    out[#out + 1] = version(st, scope)
    return #out <= 400
  end
  if not add('u' .. user) then return false end
  for id in string.gmatch(ids, '%d+') do
    if not add(shows(list) .. id) then return false end
  end
  return out
end

local reply, found, now = {s[1]}, 0, milliseconds()
local function add(user, token)
  local size = redis.pcall('STRLEN', 'list:' .. list .. ':' .. user)
  if type(size) == 'table' or size == 0 or not seen(user, list, now - window) then return false end
  local ids = get('residence_ids_user:' .. user) or get('list_ids:' .. user)
  local states = found < most and ids and versions(user, ids)
  if not states then return true end
  found = found + 1
  for _, v in ipairs({user, token, tostring(size), ids, tostring(#states / 2)}) do reply[#reply + 1] = v end
  for _, v in ipairs(states) do reply[#reply + 1] = v end
  return true
end

-- A write that names a residence which the writer does not see will be refused:
-- nobody's list is read for it.
local own = get('residence_ids_user:' .. writer) or get('list_ids:' .. writer) or ''
local function sees(scope) return string.find(own, '%f[%d]' .. string.sub(scope, 2) .. '%f[%D]') end

local asked = {}
for i = 7, #ARGV do
  if letter(ARGV[i]) == shows(list) and sees(ARGV[i]) then
    local known = readers(ARGV[i])
    for j = 0, #known, 2 do
      -- The writer comes first, whatever the order of the others.
      local user, token = known[j - 1], known[j]
      if j == 0 then
        user = writer
        for k = 1, #known, 2 do
          if known[k] == writer then token = known[k + 1] end
        end
      end
      if user and token and not asked[user] then
        asked[user] = true
        if not add(user, token) then redis.call('HDEL', 'readers:' .. ARGV[i], user) end
      end
    end
  end
end
return reply
