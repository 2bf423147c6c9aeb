-- hold says that a write is about to change these scopes.
-- ARGV: a fresh version, the write id, the scopes. Returns how many.
shared('epoch') -- mends a planted key
for i = 3, #ARGV do
  local key = state(ARGV[i])
  redis.call('SET', key, ARGV[1] .. holds(sound(get(key)) or '') .. ',' .. ARGV[2])
  redis.call('HSET', SHARED, shard(ARGV[i]), ARGV[1])
end
return #ARGV - 2
