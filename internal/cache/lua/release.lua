-- release ends a write whose outcome is known: no more holds of it, and a
-- fresh version for each scope, held or not. resolve is the same.
-- KEYS: entries to drop with it. ARGV: a fresh version, the write id, 1 if it
-- has committed and the sweep need not tell these scopes again, a token to
-- revoke and its TTL ('' for none), a hint's key and value ('' for none), the
-- scopes.
shared('epoch') -- mends a planted key
local told = {}
for i = 8, #ARGV do
  local key = state(ARGV[i])
  local st = sound(get(key))
  if st then redis.call('SET', key, ARGV[1] .. holds((without(st, ARGV[2])))) end
  redis.call('HSET', SHARED, shard(ARGV[i]), ARGV[1])
  told[#told + 1] = ARGV[i]
end
if ARGV[3] == '1' then redis.call('SET', 'done:' .. ARGV[2], table.concat(told, ','), 'EX', 30) end
for _, key in ipairs(KEYS) do redis.call('DEL', key) end
if ARGV[4] ~= '' then redis.call('SET', ARGV[4], 'revoked', 'EX', ARGV[5]) end
if ARGV[6] ~= '' then redis.call('SET', ARGV[6], ARGV[7], 'EX', 3600) end
return 1
