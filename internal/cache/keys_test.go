package cache

import (
	"testing"
)

// TestKeysFromOutside: what a look from outside takes a key for is what this package writes there.
func TestKeysFromOutside(t *testing.T) {
	list := listPrefix + encoding + ".tasks:7"
	if l, id, ok := ListOwner(list); l != "tasks" || id != 7 || !ok {
		t.Errorf("%s is a copy of %s for %d: %v", list, l, id, ok)
	}
	for _, key := range []string{"list:tasks:7", "list:1.tasks:x", StateKey(UserScope(7)), "1.tasks:7"} {
		if _, _, ok := ListOwner(key); ok {
			t.Errorf("%s is taken for a copy", key)
		}
	}
	for key, want := range map[string]string{
		list: "list", StateKey(ResidenceScope(1)): "state", tokenKey(nil): "token", residenceIDsKey(1): "residence_ids_user",
		idsVersionKey(1): "residence_ids_version", listIDsKey(1): "list_ids", Item{"task", 3}.key(): "at", sharedKey: sharedKey,
		"rate:" + subject("a", 1).key(): "rate", trustKey("a"): "rate", "queue": "", "session:7": "", "listing": "",
	} {
		if got := KeyKind(key); got != want {
			t.Errorf("%s is of the kind %q, want %q", key, got, want)
		}
	}
	if !IsState(StateKey(UserScope(7))) || IsState(list) {
		t.Error("a state is not told from a copy")
	}
}

func TestHoldsOfAState(t *testing.T) {
	a, b := newWriteID(), newWriteID()
	if got := Holds(nonce() + "," + a + "," + b); len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("it is held by %v", got)
	}
	for _, state := range []string{"", "short", nonce()} {
		if got := Holds(state); got != nil {
			t.Errorf("%q is held by %v", state, got)
		}
	}
}
