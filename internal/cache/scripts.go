package cache

import (
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Keys. The scripts derive keys from values, which a Redis Cluster would
// refuse; one small Redis beside the pods is what this runs on. The prefixes
// stand in lua/*.lua as well.
const (
	tokenPrefix        = "token:"
	statePrefix        = "state.2:"
	listPrefix         = "list:"
	hintPrefix         = "at:"
	residenceIDsPrefix = "residence_ids_user:"
	idsVersionPrefix   = "residence_ids_version:"
	listIDsPrefix      = "list_ids:"
	readersPrefix      = "readers:"
	seenPrefix         = "seen:"
	taskPrefix         = "task:"
	taskKey            = "task:fill"
	sharedKey          = "cache:shared.2"
)

// TokenHash is the only form in which a token is stored anywhere: SHA-256.
func TokenHash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

func tokenKey(hash []byte) string         { return tokenPrefix + hex.EncodeToString(hash) }
func residenceIDsKey(userID int64) string { return residenceIDsPrefix + strconv.FormatInt(userID, 10) }

func idsVersionKey(userID int64) string { return idsVersionPrefix + strconv.FormatInt(userID, 10) }

func listIDsKey(userID int64) string { return listIDsPrefix + strconv.FormatInt(userID, 10) }

// Scope is what writes and lists have in common: a user, or what one list
// shows of a residence.
type Scope string

// UserScope is a user: who it is, its tokens, and which residences it sees.
func UserScope(id int64) Scope { return Scope("u" + strconv.FormatInt(id, 10)) }

// Scope is what the list shows of a residence.
func (l List) Scope(residence int64) Scope {
	return Scope(l.letter() + strconv.FormatInt(residence, 10))
}

// Scopes are what the list shows of several residences.
func (l List) Scopes(residences ...int64) []Scope {
	scopes := make([]Scope, 0, len(residences))
	for _, id := range residences {
		scopes = append(scopes, l.Scope(id))
	}
	return scopes
}

// WholeResidence is what all lists show of a residence.
func WholeResidence(id int64) []Scope {
	scopes := make([]Scope, 0, len(Lists()))
	for _, l := range Lists() {
		scopes = append(scopes, l.Scope(id))
	}
	return scopes
}

// letter names the list in scopes.
func (l List) letter() string { return string(l[:1]) }

// List is the list that shows the scope; empty for a user.
func (s Scope) List() List {
	for _, l := range Lists() {
		if l.letter() == string(s[:1]) {
			return l
		}
	}
	return ""
}

// isUser tells a user from what a list shows of a residence.
func (s Scope) isUser() bool { return strings.HasPrefix(string(s), "u") }

// stateKey is where the scope's version and holds lie: one key for a user, and
// one for all that the lists show of a residence.
func (s Scope) stateKey() string {
	if s.isUser() {
		return statePrefix + string(s)
	}
	return statePrefix + "r" + string(s[1:])
}

// shard is the field of the shared key that holds the scope's write clock.
func (s Scope) shard() string { return "c" + string(s[max(0, len(s)-2):]) }

// nonce is a version that nobody has seen before: 64 random bits. Not Redis'
// own math.random, which begins again with the same sequence after a restart.
func nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

// newWriteID is a random UUID (RFC 9562, version 4).
func newWriteID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // as above
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// The scripts' texts: each begins with the head.
var (
	//go:embed lua/head.lua
	luaHead string
	//go:embed lua/connect.lua
	luaConnect string
	//go:embed lua/read.lua
	luaRead string
	//go:embed lua/fill.lua
	luaFill string
	//go:embed lua/hold.lua
	luaHold string
	//go:embed lua/release.lua
	luaRelease string
	//go:embed lua/due.lua
	luaDue string
	//go:embed lua/sweep.lua
	luaSweep string
	//go:embed lua/peek.lua
	luaPeek string
)

// scripts are the Lua programs, named as the steps of the protocol. A struct
// made by newScripts and no package variable: redis.Script carries state.
type scripts struct {
	connect, read, fill, hold, release, due, sweep, peek *redis.Script
}

func newScripts() scripts {
	return compiled(func(_, text string) string { return text })
}

// compiled makes the scripts of edited texts, so that a test can take one
// guard away and see that it is missed.
func compiled(edit func(name, text string) string) scripts {
	head := edit("head", luaHead)
	of := func(name, text string) *redis.Script { return redis.NewScript(head + edit(name, text)) }
	return scripts{
		connect: of("connect", luaConnect), read: of("read", luaRead), fill: of("fill", luaFill), hold: of("hold", luaHold),
		release: of("release", luaRelease), due: of("due", luaDue), sweep: of("sweep", luaSweep), peek: of("peek", luaPeek),
	}
}

// byRequests are the scripts that requests wait for.
func (s scripts) byRequests() []*redis.Script {
	return []*redis.Script{s.read, s.fill, s.hold, s.release}
}

// seconds rounds up: Redis refuses an expiry of 0.
func seconds[D ~int64](d D) int64 { return max(1, (int64(d)+999_999_999)/1_000_000_000) }
