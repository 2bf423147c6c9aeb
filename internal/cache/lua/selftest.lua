-- selftest runs every command that the other scripts run, on scratch keys that
-- end by themselves, and leaves none of them.
-- KEYS: a scratch key. ARGV: its value, the other scratch keys. Returns 1 if
-- what was written came back.
shared('epoch')
redis.call('INFO', 'server')
redis.call('HGETALL', SHARED)
redis.call('HDEL', SHARED, 'selftest') -- a field that nobody writes
local keys, values = {KEYS[1]}, 0
for i = 2, #ARGV do keys[i] = ARGV[i] end
for _, key in ipairs(keys) do redis.call('SET', key, ARGV[1], 'EX', 10) end
for _, value in ipairs(redis.call('MGET', unpack(keys))) do
  if value == ARGV[1] then values = values + 1 end
end
local read = get(keys[1])
redis.call('STRLEN', keys[1])
for _, key in ipairs(keys) do redis.call('DEL', key) end
redis.call('HSET', keys[1], 'field', ARGV[1])
redis.call('EXPIRE', keys[1], 10)
redis.call('DEL', keys[1])
if milliseconds() > 0 and values == #keys and read == ARGV[1] then return 1 end
return 0
