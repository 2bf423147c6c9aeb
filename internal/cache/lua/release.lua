-- release ends a write whose outcome is known: no more holds of it, and a
-- fresh version for each scope, held or not, unless it was refused. resolve is
-- the same, for a write that may have committed. The lists that the write read
-- in its own transaction, after its statement, are filled under the fresh
-- versions, if nothing else that they depend on has moved since hold.
-- KEYS: entries to drop with it. ARGV: a fresh version, the write id, 1 if it
-- has committed and the sweep need not tell these scopes again, 0 if that is not
-- known, refused if it has changed nothing for certain, a token to
-- revoke and its TTL ('' for none), a hint's key and value ('' for none), the
-- list's name and the TTL of copies in s, the epoch at hold, the user who writes (0
-- if that is not known), the number of scopes, the scopes, then for each list: the user, the ids, valid_until in 16
-- digits, the rest of the copy, the number of scopes, scope, version after hold, ...
-- Returns for each list its digest, or '' if it was not filled.
shared('epoch') -- mends a planted key
local fresh, write, last, now = ARGV[1], ARGV[2], 12 + tonumber(ARGV[12]), milliseconds()

if ARGV[3] == 'refused' then
  for i = 13, last do
    local st, held = sound(get(state(ARGV[i])), ARGV[i]), false
    if st then st, held = without(st, ARGV[i], write) end
    if held then redis.call('SET', state(ARGV[i]), st) end
  end
  return {}
end

-- Judged before anything is renewed: where a version stands, no other write that
-- has changed anything was released since hold. One that holds it now keeps
-- readers away until its own release, which sets a fresh version.
local fills, i = {}, last + 1
local epoch = shared('epoch')[1] or ''
while i <= #ARGV do
  local n = tonumber(ARGV[i + 4])
  local f = {user = ARGV[i], ids = ARGV[i + 1], ends = ARGV[i + 2], rest = ARGV[i + 3], scopes = {}, stands = epoch == ARGV[10]}
  for j = i + 5, i + 3 + 2 * n, 2 do
    local scope = ARGV[j]
    local st = sound(get(state(scope)), scope)
    if not st or version(st, scope) ~= ARGV[j + 1] then f.stands = false end
    f.scopes[#f.scopes + 1] = scope
  end
  fills[#fills + 1] = f
  i = i + 5 + 2 * n
end

local told = {}
for i = 13, last do
  local key = state(ARGV[i])
  local st = sound(get(key), ARGV[i])
  if st then redis.call('SET', key, renewed(without(st, ARGV[i], write), ARGV[i], fresh)) end
  redis.call('HSET', SHARED, shard(ARGV[i]), fresh)
  wrote(ARGV[i], ARGV[11], now)
  told[#told + 1] = ARGV[i]
end
if ARGV[3] == '1' then redis.call('SET', 'done:' .. write, table.concat(told, ','), 'EX', 30) end
for _, key in ipairs(KEYS) do redis.call('DEL', key) end
if ARGV[4] ~= '' then redis.call('SET', ARGV[4], 'revoked', 'EX', ARGV[5]) end
if ARGV[6] ~= '' then redis.call('SET', ARGV[6], ARGV[7], 'EX', 3600) end

local reply = {}
for _, f in ipairs(fills) do
  local digest = ''
  if f.stands then
    local text = {}
    for k, scope in ipairs(f.scopes) do text[k] = scope .. '=' .. version(get(state(scope)), scope) end
    digest = digested(ARGV[8], epoch, text)
    keep(ARGV[8], f.user, digest, f.ends, now, f.rest, ARGV[9])
    redis.call('SET', 'list_ids:' .. f.user, f.ids, 'EX', ARGV[9])
  end
  reply[#reply + 1] = digest
end
return reply
