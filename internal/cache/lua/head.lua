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

-- A state is 16 letters of version, and for each hold a comma and 36 letters
-- of write id.
local function version(s) return string.sub(s, 1, 16) end
local function holds(s) return string.sub(s, 17) end
local function without(s, write)
  local at = string.find(s, ',' .. write, 17, true)
  if not at then return s, false end
  return string.sub(s, 1, at - 1) .. string.sub(s, at + 37), true
end

local function milliseconds()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
