-- release ends a write whose outcome is known: no more holds of it, and a
-- fresh version for each scope, held or not.
-- KEYS: entries to drop with it. ARGV: a fresh version, the write id, 1 if it
-- has committed and the sweep need not tell it again, a token to revoke and
-- its TTL ('' for none), a hint's key and value ('' for none), the scopes.
for i = 8, #ARGV do
  local key = state(ARGV[i])
  local st = get(key)
  if st then redis.call('SET', key, ARGV[1] .. holds((without(st, ARGV[2])))) end
  shared('epoch')
  redis.call('HSET', SHARED, shard(ARGV[i]), ARGV[1])
end
if ARGV[3] == '1' then redis.call('SET', 'done:' .. ARGV[2], '1', 'EX', 30) end
for _, key in ipairs(KEYS) do redis.call('DEL', key) end
if ARGV[4] ~= '' then redis.call('SET', ARGV[4], 'revoked', 'EX', ARGV[5]) end
if ARGV[6] ~= '' then redis.call('SET', ARGV[6], ARGV[7], 'EX', 3600) end
return 1
