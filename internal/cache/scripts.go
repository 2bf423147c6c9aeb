package cache

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Keys. The script below derives the user's keys from the token's value, which
// a Redis Cluster would refuse; one small Redis beside the pods is what this runs on.
const (
	tokenPrefix        = "token:"
	versionPrefix      = "user_version:"
	residenceIDsPrefix = "residence_ids_user:"
	epochKey           = "users_epoch"
	tombstone          = "revoked"
)

// TokenHash is the only form in which a token is stored anywhere: SHA-256.
func TokenHash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

func tokenKey(hash []byte) string         { return tokenPrefix + hex.EncodeToString(hash) }
func versionKey(userID int64) string      { return versionPrefix + strconv.FormatInt(userID, 10) }
func residenceIDsKey(userID int64) string { return residenceIDsPrefix + strconv.FormatInt(userID, 10) }

// nonce is a value that nobody has seen before.
func nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

// luaHead: get answers false for a key that is absent or of another type, so
// that something planted there is a miss and no error; ensure returns the
// value of a key and creates it if it is missing.
const luaHead = `
local function get(key)
  local v = redis.pcall('GET', key)
  if type(v) == 'table' then return false end
  return v
end
local function ensure(key, fresh, ttl)
  local v = get(key)
  if not v then
    redis.call('SET', key, fresh, 'EX', ttl)
    return fresh
  end
  return v
end
`

// scripts are the Lua programs. A struct made by newScripts and no package
// variable: redis.Script carries state.
type scripts struct {
	auth, fillToken, fillIDs *redis.Script
}

func newScripts() scripts {
	return scripts{
		// KEYS: token. ARGV: fresh nonce, version TTL (s).
		// Returns {user id, version, residence ids}, {'', epoch} or {'revoked'}.
		auth: redis.NewScript(luaHead + `
local user = get(KEYS[1])
if user == '` + tombstone + `' then return {user} end
if not user or not string.match(user, '^%d+$') then
  return {'', ensure('` + epochKey + `', ARGV[1], ARGV[2])}
end
return {user, ensure('` + versionPrefix + `' .. user, ARGV[1], ARGV[2]), get('` + residenceIDsPrefix + `' .. user) or ''}
`),
		// KEYS: token, version, residence ids, epoch.
		// ARGV: user id, token TTL (s), fresh nonce, version TTL (s), epoch seen before the database was read.
		// Returns {version, 1 if the epoch still stands, residence ids}.
		fillToken: redis.NewScript(luaHead + `
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2])
local same = 0
if get(KEYS[4]) == ARGV[5] then same = 1 end
return {ensure(KEYS[2], ARGV[3], ARGV[4]), same, get(KEYS[3]) or ''}
`),
		// KEYS: version, residence ids. ARGV: version seen before the database was read, ids, TTL (s).
		// Returns 1 if stored.
		fillIDs: redis.NewScript(luaHead + `
if get(KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
`),
	}
}

func (s scripts) all() []*redis.Script { return []*redis.Script{s.auth, s.fillToken, s.fillIDs} }
