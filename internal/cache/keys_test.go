package cache

import (
	"slices"
	"strings"
	"testing"
)

// TestKeysFromOutside: what a look from outside takes a key for is what this package writes there.
func TestKeysFromOutside(t *testing.T) {
	list := listPrefix + Encoding + ".tasks:7"
	if l, id, ok := ListOwner(list); l != "tasks" || id != 7 || !ok {
		t.Errorf("%s is a copy of %s for %d: %v", list, l, id, ok)
	}
	for _, key := range []string{"list:tasks:7", "list:1.tasks:x", StateKey(UserScope(7)), "1.tasks:7"} {
		if _, _, ok := ListOwner(key); ok {
			t.Errorf("%s is taken for a copy", key)
		}
	}
	for key, want := range map[string]string{
		list: "list", StateKey(Tasks.Scope(1)): "state", tokenKey(nil): "token", residenceIDsKey(1): "residence_ids_user",
		idsVersionKey(1): "residence_ids_version", listIDsKey(1): "list_ids", Item{Tasks, 3}.key(): "at", sharedKey: sharedKey,
		"rate:" + subject("a", 1).key(): "rate", trustKey("a"): "rate", taskKey: "task", "queue": "", "session:7": "", "listing": "",
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
	user, home := StateKey(UserScope(1)), StateKey(Tasks.Scope(1))
	four := nonce() + nonce() + nonce() + nonce()
	for _, tt := range []struct {
		key, state string
		want       []string
	}{
		{user, nonce() + ",u" + a + ",u" + b, []string{a, b}},
		{home, four + ",t" + a + ",c" + b + ",c" + a, []string{a, b}},
		{user, nonce(), nil},
		{home, four, nil},
		{user, "", nil},
		{home, "short", nil},
	} {
		if got := Holds(tt.key, tt.state); !slices.Equal(got, tt.want) {
			t.Errorf("%s = %q is held by %v, want %v", tt.key, tt.state, got, tt.want)
		}
	}
}

// TestTheVersionInAState: what holds one list of a residence does not hold the others.
func TestTheVersionInAState(t *testing.T) {
	id := newWriteID()
	versions := []string{nonce(), nonce(), nonce(), nonce()}
	four := strings.Join(versions, "")
	for i, l := range Lists() {
		if got, ok := l.Scope(7).versionIn(four); !ok || got != versions[i] {
			t.Errorf("%s: %q, %v", l, got, ok)
		}
		for _, other := range Lists() {
			_, ok := l.Scope(7).versionIn(four + "," + other.letter() + id)
			if ok != (l != other) {
				t.Errorf("a hold on %s: %s is free is %v", other, l, ok)
			}
		}
	}
	for _, state := range []string{"", versions[0], four[1:], "x" + four[1:], four + ",t", four + id} {
		if _, ok := Tasks.Scope(7).versionIn(state); ok {
			t.Errorf("%q passes for a state", state)
		}
	}
}

func TestLettersOfLists(t *testing.T) {
	letters := ""
	for _, l := range Lists() {
		letters += l.letter()
	}
	if letters != listLetters {
		t.Errorf("the lists' letters are %q, listLetters is %q", letters, listLetters)
	}
}
