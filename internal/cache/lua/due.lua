-- due asks whether the change log has to be read again, and takes the turn: of
-- many pods one reads it in each period.
-- ARGV: the period in ms. Returns {} or {Redis' time in ms, the cursor or ''}.
local now = milliseconds()
local s = shared('swept', 'cursor')
local last = tonumber(s[1] or '')
if last and last <= now and now - last < tonumber(ARGV[1]) then return {} end
redis.call('HSET', SHARED, 'swept', now)
return {tostring(now), s[2] or ''}
