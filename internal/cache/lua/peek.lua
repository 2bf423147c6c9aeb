-- peek is read without a token and without a write: for those who check the
-- cache from outside. ARGV: the list's name, the user, the pod's time in ms.
-- Returns {} if a read would not be served from here, or {copy}.
local list, user, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local s = shared('epoch', 'lease')
if not s[1] or not lasts(s[2]) then return {} end
local text = {}
local function add(scope)
  local st = sound(get(state(scope)))
  if not st or #st ~= 16 then return false end
  text[#text + 1] = scope .. '=' .. st
  return true
end
if not add('u' .. user) then return {} end
for id in string.gmatch(get('residence_ids_user:' .. user) or '', '%d+') do
  if not add('r' .. id) then return {} end
end
local copy = get('list:' .. list .. ':' .. user)
if not serves(copy, digested(list, s[1], text), now) then return {} end
return {copy}
