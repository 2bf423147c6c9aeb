package cache

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// database is what the tests read and write in the place of Postgres: a change
// log, and a count of changes for each scope, of which users and lists are
// made. It is a script for the cache, no mock of a server: what Postgres
// guarantees is tested in store.
type database struct {
	mu      sync.Mutex
	log     []Change
	settled map[string]bool    // write ids that have a tombstone
	counts  counts             // changes of each scope
	sees    map[int64][]int64  // who sees which residences
	saw     map[int64][]string // every set of residences that a user ever saw
	dead    map[string]int     // tokens logged out, and the user's count by then

	// How the source behaves, at the next call. meanwhile runs between what a
	// call finds out and its return.
	meanwhile  func()
	heldBack   bool // an older transaction is open: what is told now is told again
	everything bool // there is too much to list
}

// counts are what a read contains, or has to.
type counts map[Scope]int

func (c counts) raise(by counts) {
	for s, n := range by {
		c[s] = max(c[s], n)
	}
}

// commit is the statement: it changes the data and writes the log, or does
// neither. do changes what is not a count.
func (d *database) commit(id string, scopes ...Scope) bool { return d.change(id, nil, scopes...) }

func (d *database) change(id string, do func(), scopes ...Scope) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled[id] {
		return false
	}
	if d.counts == nil {
		d.counts = counts{}
	}
	d.log = append(d.log, Change{id, scopes})
	for _, s := range scopes {
		d.counts[s]++
	}
	if do != nil {
		do()
	}
	return true
}

func (d *database) source() Source { return Source{Changes: d.changes, Settle: d.settle} }

func (d *database) changes(_ context.Context, cursor string) (Changes, error) {
	d.mu.Lock()
	at, err := strconv.Atoi(cursor)
	c := Changes{Cursor: strconv.Itoa(len(d.log)), Everything: d.everything || err != nil}
	if !c.Everything {
		c.Writes = slices.Clone(d.log[at:])
		if d.heldBack {
			c.Cursor = cursor
		}
	}
	meanwhile := d.meanwhile
	d.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	return c, nil
}

func (d *database) settle(_ context.Context, id string) error {
	d.mu.Lock()
	if d.settled == nil {
		d.settled = map[string]bool{}
	}
	d.settled[id] = true
	meanwhile := d.meanwhile
	d.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	return nil
}

// content is a list: it says what went into it.
type content struct {
	Counts counts
	Until  int64 // ms; 0: it does not age
}

// answer is one snapshot of what a list shows a user.
func (d *database) answer(list List, user int64, until time.Time) Answer {
	return d.answerWith(nil, list, user, until)
}

// answerWith also has the changes of a transaction that reads its own.
func (d *database) answerWith(own counts, list List, user int64, until time.Time) Answer {
	in := counts{UserScope(user): d.counts[UserScope(user)]}
	for _, r := range list.Scopes(d.sees[user]...) {
		in[r] = d.counts[r] + own[r]
	}
	a := answerOf(in, user, until)
	a.User = d.user(user)
	return a
}

// remakes is what a list that ages needs to be made anew.
const remakes = "nothing else"

// answerOf is a list in which these counts are, of the residences that they name.
func answerOf(in counts, user int64, until time.Time) Answer {
	c := content{Counts: in}
	a := Answer{ResidenceIDs: []int64{}, ValidUntil: until}
	if !until.IsZero() {
		c.Until, a.Remake = until.UnixMilli(), []byte(remakes)
	}
	for _, s := range slices.Sorted(maps.Keys(in)) {
		if s == UserScope(user) {
			continue
		}
		id, err := strconv.ParseInt(string(s[1:]), 10, 64)
		if err != nil {
			panic(err)
		}
		a.ResidenceIDs = append(a.ResidenceIDs, id)
	}
	var err error
	if a.Body, err = json.Marshal(c); err != nil {
		panic(err)
	}
	return a
}

// user has the count of its scope for a name.
func (d *database) user(id int64) household.User {
	return household.User{ID: id, Name: strconv.Itoa(d.counts[UserScope(id)])}
}

func (d *database) snapshot() counts { return maps.Clone(d.counts) }
