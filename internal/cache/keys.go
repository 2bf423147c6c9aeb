package cache

import (
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

// KeyKind is the prefix of a key that this package writes, without its colon; empty for any other key. The shared
// key is told as it is.
func KeyKind(key string) string {
	if key == sharedKey {
		return key
	}
	for _, prefix := range []string{tokenPrefix, statePrefix, listPrefix, hintPrefix, residenceIDsPrefix, idsVersionPrefix, listIDsPrefix, limitPrefix} {
		if strings.HasPrefix(key, prefix) {
			return strings.TrimSuffix(prefix, ":")
		}
	}
	return ""
}

// A state is a version of 16 letters, and for each write under way a comma and its id of 36 (lua/head.lua).
const (
	versionLength = 16
	holdLength    = 37
)

// Holds lists the ids of the writes that a state, as it lies in Redis, is held by; nil if it is held by none.
func Holds(state string) (writes []string) {
	for at := versionLength; at+holdLength <= len(state); at += holdLength {
		writes = append(writes, state[at+1:at+holdLength])
	}
	return writes
}
