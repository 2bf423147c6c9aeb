-- What every script begins with. Nothing is ever equal to what is missing.
local SHARED = 'cache:shared.2'
-- Who fills what an emptied memory has lost: until when somebody is at it, and a
-- field for each pod that has been.
local TASK = 'task:fill'

-- A key that is absent, or of a type that none of ours has, is a miss and no error.
local function get(key)
  local v = redis.pcall('GET', key)
  if type(v) == 'table' then return false end
  return v
end

-- The fields of the one shared key. Planted there as another type it is no
-- more than lost.
local function shared(...)
  local v = redis.pcall('HMGET', SHARED, ...)
  if v.err then
    -- Any other error, such as a missing right, must not cost all pods the key.
    if string.find(v.err, 'WRONGTYPE', 1, true) then redis.call('DEL', SHARED) end
    v = redis.call('HMGET', SHARED, ...)
  end
  return v
end

-- A scope is a letter and an id: u is a user; t, r, c and d are what the lists
-- of tasks, residences, contractors and documents show of a residence. The four
-- versions of a residence lie in one key, so that they are evicted together.
local FIELD = {u = 0, t = 0, r = 1, c = 2, d = 3}
-- The letter of the scopes that a list, by its name in keys, depends on.
local function shows(list) return string.match(list, '%.(%a)') or '?' end
local function letter(scope) return string.sub(scope, 1, 1) end
local function length(scope) return letter(scope) == 'u' and 16 or 64 end
local function state(scope)
  if letter(scope) == 'u' then return 'state.2:' .. scope end
  return 'state.2:r' .. string.sub(scope, 2)
end

-- The write clock is kept in shards, so that a cold fill is refused by few
-- writes. Each scope has exactly one shard.
local function shard(scope) return 'c' .. string.sub(scope, -2) end

-- A state key holds one version (a user) or four (a residence, in the order t,
-- r, c, d), each of 16 hexadecimal digits, and for each hold a comma, the
-- letter of the scope that is held, and a write id. Anything else in its place
-- counts as evicted.
local HOLD = '^,[utrcd]%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$'
local function sound(st, scope)
  local n = length(scope)
  if not st or #st < n or (#st - n) % 38 ~= 0 then return false end
  if string.find(string.sub(st, 1, n), '%X') then return false end
  for i = n + 1, #st, 38 do
    if not string.find(string.sub(st, i, i + 37), HOLD) then return false end
  end
  return st
end
local function created(scope, fresh) return string.rep(fresh, length(scope) / 16) end
local function version(st, scope)
  local at = FIELD[letter(scope)] * 16
  return string.sub(st, at + 1, at + 16)
end
local function renewed(st, scope, fresh)
  local at = FIELD[letter(scope)] * 16
  return string.sub(st, 1, at) .. fresh .. string.sub(st, at + 17)
end
-- The write ids that hold the scope, each after a comma; '' for none.
local function holds(st, scope)
  local ids = ''
  for i = length(scope) + 1, #st, 38 do
    if string.sub(st, i + 1, i + 1) == letter(scope) then ids = ids .. ',' .. string.sub(st, i + 2, i + 37) end
  end
  return ids
end
local function without(st, scope, write)
  local at = string.find(st, ',' .. letter(scope) .. write, length(scope) + 1, true)
  if not at then return st, false end
  return string.sub(st, 1, at - 1) .. string.sub(st, at + 38), true
end

-- What a copy is judged by: the list, the epoch and each version.
local function digested(list, epoch, states)
  return redis.sha1hex(list .. '\n' .. epoch .. '\n' .. table.concat(states, ','))
end

local function milliseconds()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function lasts(lease) return (tonumber(lease or '') or 0) > milliseconds() end

-- A copy is its digest, the end of its validity in 16 digits (0: it does not
-- age), Redis' time in ms when it was filled in as many, and what etag.go makes of
-- the rest.
local function fits(copy, digest)
  if not copy or string.sub(copy, 1, 40) ~= digest then return false end
  local ends = string.match(string.sub(copy, 41, 56), '^%d+$')
  return ends and #ends == 16
end
local function young(copy, now)
  local ends = tonumber(string.sub(copy, 41, 56))
  return ends == 0 or ends > now
end

-- How long hints are kept: as long as the copies are by default.
local KEPT = 2592000

-- Who has read a list of a residence, with the hash of a token, and when a user
-- was last seen to read which list. Both are hints: they choose whose copies are
-- filled anew, and may be lost. The readers' key also says who wrote last, and a
-- user's when which list was filled: these name the reason of a miss.
local function readers(scope)
  local found, v = {}, redis.pcall('HGETALL', 'readers:' .. scope)
  if v.err then return found end
  for i = 1, #v, 2 do
    if v[i] ~= 'w' then found[#found + 1], found[#found + 2] = v[i], v[i + 1] end
  end
  return found
end
local function note(key, field, value)
  if type(redis.pcall('HSET', key, field, value)) == 'number' then redis.call('EXPIRE', key, KEPT) end
end
local function noted(key, field)
  local v = redis.pcall('HGET', key, field)
  return type(v) == 'string' and v
end
local function seen(user, list, since)
  return (tonumber(noted('seen:' .. user, shows(list)) or '') or 0) >= since
end
local function see(user, list, now)
  if not seen(user, list, now - 60000) then note('seen:' .. user, shows(list), now) end
end
local function filled(user, list, now) note('seen:' .. user, string.upper(shows(list)), now) end
local function wrote(scope, user, now)
  if letter(scope) ~= 'u' then note('readers:' .. scope, 'w', string.format('%.0f', now) .. ' ' .. user) end
end

-- Why a copy that is gone is gone. life is the TTL of copies in s.
local function gone(user, list, life, now)
  local at = tonumber(noted('seen:' .. user, string.upper(shows(list))) or '')
  if not at then return 'cold' end
  return now - at >= life * 1000 and 'expired' or 'evicted'
end

local function keep(list, user, digest, ends, now, rest, life)
  redis.call('SET', 'list:' .. list .. ':' .. user, digest .. ends .. string.format('%016.0f', now) .. rest, 'EX', life)
  filled(user, list, now)
end
