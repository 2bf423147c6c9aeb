-- peek is read without a token and without a write: for those who check the
-- cache from outside. ARGV: the list's name, the user, the pod's time in ms.
-- Returns {} if a read would not be served from here, or {copy}.
local list, user, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local s = shared('epoch', 'lease')
if not s[1] or not s[2] or tonumber(s[2]) <= milliseconds() then return {} end
local text = {}
local function add(scope)
  local st = get(state(scope))
  if not st or #st ~= 16 then return false end
  text[#text + 1] = scope .. '=' .. st
  return true
end
if not add('u' .. user) then return {} end
for id in string.gmatch(get('residence_ids_user:' .. user) or '', '%d+') do
  if not add('r' .. id) then return {} end
end
local copy = get('list:' .. list .. ':' .. user)
if not copy or string.sub(copy, 1, 40) ~= redis.sha1hex(list .. '\n' .. s[1] .. '\n' .. table.concat(text, ',')) then return {} end
local until_ms = tonumber(string.sub(copy, 41, 56))
if not until_ms or (until_ms ~= 0 and until_ms <= now) then return {} end
return {copy}
