-- fill stores what the database said, if all that it depends on stands as it
-- did before the database was asked.
-- KEYS: the token. ARGV: a fresh version, the epoch before, the user, TTL of
-- the token, of the ids and of the copy in s, the list's name ('' for none),
-- valid_until in 16 digits, the rest of the copy, the ids ('' for unknown), 1 to check
-- nothing (a sabotage for tests), then for each scope that the database named,
-- the user first: scope, version before ('' if it was not known), the shard's
-- clock before ('' if there was none).
-- Returns {digest or '', epoch and user's version or '', why it was refused, why
-- the list was a miss if the read did not know whose it is}.
local fresh, user, list, unchecked = ARGV[1], ARGV[3], ARGV[7], ARGV[11] == '1'
local epoch = shared('epoch')[1] or ''
if epoch ~= ARGV[2] and not unchecked then return {'', '', 'epoch', ''} end
local why, mine, text, now = '', '', {}, milliseconds()
local missed = ''
if list ~= '' and ARGV[13] == '' then
  missed = get('list:' .. list .. ':' .. user) and 'cold' or gone(user, list, tonumber(ARGV[6]), now)
end
for i = 12, #ARGV, 3 do
  local scope, before, clock = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local st = sound(get(state(scope)), scope)
  local refused = ''
  if st and holds(st, scope) ~= '' then
    refused = 'held'
  elseif before ~= '' then
    if not st or version(st, scope) ~= before then refused = 'moved' end
  elseif (shared(shard(scope))[1] or '') ~= clock then
    refused = 'clock'
  end
  if not st then
    st = created(scope, fresh)
    redis.call('SET', state(scope), st)
  end
  if unchecked then refused = '' end
  if i == 12 and refused == '' then mine = epoch .. version(st, scope) end
  if refused ~= '' then why = refused end
  text[#text + 1] = scope .. '=' .. version(st, scope)
end
if mine ~= '' then
  if get(KEYS[1]) ~= 'revoked' then redis.call('SET', KEYS[1], user .. ' ' .. mine, 'EX', ARGV[4]) end
  if ARGV[10] ~= '' then
    redis.call('SET', 'residence_ids_user:' .. user, ARGV[10], 'EX', ARGV[5])
    redis.call('SET', 'residence_ids_version:' .. user, mine, 'EX', ARGV[5])
  end
end
if why ~= '' or list == '' then return {'', mine, why, missed} end
local digest = digested(list, epoch, text)
keep(list, user, digest, ARGV[8], now, ARGV[9], ARGV[6])
redis.call('SET', 'list_ids:' .. user, ARGV[10], 'EX', ARGV[6])
see(user, list, now)
for i = 15, #ARGV, 3 do note('readers:' .. ARGV[i], user, string.sub(KEYS[1], 7)) end
return {digest, mine, '', missed}
