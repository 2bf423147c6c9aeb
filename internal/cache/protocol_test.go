package cache

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestNothingServedIsOlderThanAnAcknowledgedChange runs random interleavings
// of requests and changes, step by step, on two pods and one real Redis; the
// database is a struct. Any key may be evicted at any moment, but for a
// tombstone while a request is under way that has seen the token alive (doc.go
// excepts that one).
//
// Take one guard away (NX, the tombstone, the version, the epoch) and it fails.
func TestNothingServedIsOlderThanAnAcknowledgedChange(t *testing.T) {
	url := labtest.Redis(t)
	rdb := outside(t, url)
	rapid.Check(t, func(rt *rapid.T) {
		if err := rdb.FlushDB(t.Context()).Err(); err != nil {
			rt.Fatal(err)
		}
		w := &world{t: t, rt: rt, alive: true, evict: func(key string) { rdb.Del(t.Context(), key) }}
		for range 2 {
			c, err := Open(Config{URL: url, Timeout: patient})
			if err != nil {
				rt.Fatal(err)
			}
			defer c.Close()
			w.pods = append(w.pods, c)
		}
		for range 150 {
			w.step()
		}
	})
}

// The one user and token of the world.
const worldUser = 7

var worldToken = TokenHash("world")

type world struct {
	t        *testing.T
	rt       *rapid.T
	pods     []*Cache
	requests []*request
	evict    func(key string)

	// The database: the user's name, the residences seen (both count up), the token.
	name, homes int64
	alive       bool
	// What of it has been acknowledged to whoever changed it.
	ackedName, ackedHomes int64
	ackedDead             bool

	committed []func() // changes whose announcement is still to come
}

// request is one request on its way: the stages of what the API does.
type request struct {
	pod     *Cache
	stage   int
	reading *Reading
	user    *household.User // as looked up in the database
	homes   int64
}

func (w *world) step() {
	switch rapid.SampledFrom([]string{"begin", "advance", "advance", "advance", "change", "announce", "evict"}).Draw(w.rt, "step") {
	case "begin":
		if len(w.requests) < 4 {
			w.begin()
		}
	case "advance":
		if n := len(w.requests); n > 0 {
			w.advance(rapid.IntRange(0, n-1).Draw(w.rt, "request"))
		}
	case "change":
		w.change()
	case "announce":
		if n := len(w.committed); n > 0 {
			i := rapid.IntRange(0, n-1).Draw(w.rt, "announcement")
			w.committed[i]()
			w.committed = slices.Delete(w.committed, i, i+1)
		}
	case "evict":
		w.evictOne()
	}
}

func (w *world) pod() *Cache { return w.pods[rapid.IntRange(0, 1).Draw(w.rt, "pod")] }

// begin asks the cache, and judges what it says by what was acknowledged before.
func (w *world) begin() {
	r := &request{pod: w.pod()}
	r.reading = r.pod.Authenticate(w.t.Context(), worldToken)
	if u := r.reading.User; u != nil && number(u.Name) < w.ackedName {
		w.rt.Fatalf("the user of change %s was served, %d had been acknowledged", u.Name, w.ackedName)
	}
	if r.reading.Token == Hit && !r.reading.Revoked && w.ackedDead {
		w.rt.Fatal("a token was known whose logout had been acknowledged")
	}
	if r.reading.Revoked && w.alive {
		w.rt.Fatal("a token was refused that nobody logged out")
	}
	if ids := r.reading.ids; ids != "" && number(ids[1:len(ids)-1]) < w.ackedHomes {
		w.rt.Fatalf("residence ids %s were held, change %d had been acknowledged", ids, w.ackedHomes)
	}
	if !r.reading.Revoked {
		w.requests = append(w.requests, r)
	}
}

func (w *world) advance(i int) {
	r := w.requests[i]
	r.stage++
	switch {
	case r.stage == 1 && r.reading.User == nil: // auth_lookup
		if !w.alive {
			w.requests = slices.Delete(w.requests, i, i+1) // 401
			return
		}
		r.user = &household.User{ID: worldUser, Name: strconv.FormatInt(w.name, 10)}
	case r.stage == 2 && r.user != nil:
		r.pod.Remember(w.t.Context(), r.reading, *r.user)
	case r.stage == 3: // the list's statement
		r.homes = w.homes
	case r.stage == 4:
		r.pod.Judge(w.t.Context(), r.reading, worldUser, []int64{r.homes})
		w.requests = slices.Delete(w.requests, i, i+1)
	}
}

func (w *world) change() {
	switch rapid.SampledFrom([]string{"name", "homes", "logout"}).Draw(w.rt, "change") {
	case "name":
		w.name++
		now := w.name
		w.commit(func() {
			w.must(w.pod().UserChanged(w.t.Context(), worldUser))
			w.ackedName = max(w.ackedName, now)
		})
	case "homes":
		w.homes++
		now := w.homes
		w.commit(func() {
			w.must(w.pod().AccessChanged(w.t.Context(), worldUser))
			w.ackedHomes = max(w.ackedHomes, now)
		})
	case "logout":
		w.alive = false
		w.commit(func() {
			w.must(w.pod().RevokeToken(w.t.Context(), worldToken))
			w.ackedDead = true
		})
	}
}

func (w *world) commit(announce func()) { w.committed = append(w.committed, announce) }

func (w *world) evictOne() {
	keys := []string{versionKey(worldUser), residenceIDsKey(worldUser), epochKey}
	if !slices.ContainsFunc(w.requests, func(r *request) bool { return r.user != nil && r.stage < 2 }) {
		keys = append(keys, tokenKey(worldToken))
	}
	w.evict(rapid.SampledFrom(keys).Draw(w.rt, "evicted"))
}

func (w *world) must(err error) {
	if err != nil {
		w.rt.Fatal(err)
	}
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
