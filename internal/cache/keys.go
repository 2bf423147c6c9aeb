package cache

import (
	"slices"
	"strconv"
	"strings"
)

// What a look from outside needs to know of the keys.
const (
	// SharedKey is the one key that all pods share: the epoch, the lease of the sweep and its clock.
	SharedKey = sharedKey
	// AllStates is what SCAN takes to find every state.
	AllStates = statePrefix + "*"
)

// StateKey is where a scope's state lies.
func StateKey(s Scope) string { return s.stateKey() }

// IsState reports whether a key is that of a state.
func IsState(key string) bool { return strings.HasPrefix(key, statePrefix) }

// ListOwner tells of which list and for which user a key holds a copy, whatever version of the encoding has
// written it.
func ListOwner(key string) (list List, userID int64, ok bool) {
	rest, ok := strings.CutPrefix(key, listPrefix)
	name, user, found := strings.Cut(rest, ":")
	_, name, named := strings.Cut(name, ".")
	id, err := strconv.ParseInt(user, 10, 64)
	return List(name), id, ok && found && named && err == nil
}

// KeyKind is the prefix of a key that this package writes, without its format and colon; empty for any other key. The shared
// key is told as it is.
func KeyKind(key string) string {
	if key == sharedKey {
		return key
	}
	for _, prefix := range prefixes() {
		if strings.HasPrefix(key, prefix) {
			kind, _, _ := strings.Cut(strings.TrimSuffix(prefix, ":"), ".")
			return kind
		}
	}
	return ""
}

// A state is a version of 16 digits for a user, or one for each list for a residence, and for each hold a comma, the
// letter of the scope and the write's id of 36 characters (lua/head.lua).
const (
	versionLength = 16
	holdLength    = 38
)

// Holds lists the ids of the writes that hold something of a state, as it lies under its key in Redis; nil if none does.
func Holds(key, state string) (writes []string) {
	at := versionLength
	if !Scope(strings.TrimPrefix(key, statePrefix)).isUser() {
		at *= len(listLetters)
	}
	for ; at+holdLength <= len(state); at += holdLength {
		if id := state[at+2 : at+holdLength]; !slices.Contains(writes, id) {
			writes = append(writes, id)
		}
	}
	return writes
}

// versionIn is the scope's version in its state. ok is false for a state that
// is missing or held, or that is none.
func (s Scope) versionIn(state string) (version string, ok bool) {
	if s.isUser() {
		return state, len(state) == versionLength && isHex(state)
	}
	letters := versionLength * len(listLetters)
	if len(state) < letters || (len(state)-letters)%holdLength != 0 || !isHex(state[:letters]) {
		return "", false
	}
	for at := letters; at < len(state); at += holdLength {
		if state[at+1] == s[0] {
			return "", false
		}
	}
	at := versionLength * strings.IndexByte(listLetters, s[0])
	return state[at : at+versionLength], true
}

func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
