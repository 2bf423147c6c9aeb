-- What every script begins with. Nothing is ever equal to what is missing.
local SHARED = 'cache:shared'

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
    redis.call('DEL', SHARED)
    v = redis.call('HMGET', SHARED, ...)
  end
  return v
end

local function state(scope) return 'state:' .. scope end

-- The write clock is kept in shards, so that a cold fill is refused by few
-- writes. Each scope has exactly one shard.
local function shard(scope) return 'c' .. string.sub(scope, -2) end

-- A state is 16 hexadecimal letters of version, and for each hold a comma and
-- a write id. Anything else in its place is as good as evicted.
local HOLD = '^,%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$'
local function sound(st)
  if not st or #st < 16 or (#st - 16) % 37 ~= 0 then return false end
  if string.find(string.sub(st, 1, 16), '%X') then return false end
  for i = 17, #st, 37 do
    if not string.find(string.sub(st, i, i + 36), HOLD) then return false end
  end
  return st
end
local function version(st) return string.sub(st, 1, 16) end
local function holds(st) return string.sub(st, 17) end
local function without(st, write)
  local at = string.find(st, ',' .. write, 17, true)
  if not at then return st, false end
  return string.sub(st, 1, at - 1) .. string.sub(st, at + 37), true
end

-- What a copy is judged by: the list, the epoch and each version.
local function digested(list, epoch, states)
  return redis.sha1hex(list .. '\n' .. epoch .. '\n' .. table.concat(states, ','))
end

-- A copy is its digest, the end of its validity in 16 digits (0: it does not
-- age), and the body.
local function serves(copy, digest, now)
  if not copy or string.sub(copy, 1, 40) ~= digest then return false end
  local ends = string.match(string.sub(copy, 41, 56), '^%d+$')
  return ends and #ends == 16 and (tonumber(ends) == 0 or tonumber(ends) > now)
end

local function milliseconds()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function lasts(lease) return (tonumber(lease or '') or 0) > milliseconds() end
