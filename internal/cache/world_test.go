package cache

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/household"
)

// faults are what may happen in a world beside crashes and pauses, which
// always may; each level contains those before.
type faults int

const (
	// noFault: Redis is reachable and keeps its memory. P1 is promised.
	noFault faults = iota
	// forgetful: keys are evicted, everything is flushed, an old memory comes
	// back. Acknowledged and P2 are promised.
	forgetful
	// cutOff: holds and releases come late or never, and somebody writes SQL by
	// hand. P2 is promised.
	cutOff
)

// world is some users, pods and writers on one real Redis, which take their
// steps in an order that draw decides.
type world struct {
	ctx    context.Context
	draw   func(label string, n int) int // 0..n-1
	faults faults
	pods   []*Cache
	rdb    *redis.Client
	db     *database
	now    time.Time
	depth  int // steps within a sweep's or a settling's database call

	requests []*request
	writes   []*write
	late     []func() // scripts whose sender has given up
	orphans  []func() // statements in a queue whose sender has given up
	copies   map[int64]map[string]content
	written  []string // write ids
	logins   map[int64]int
	backup   map[string]string

	acked, seen, due counts
	broken           string // the first promise that was broken
}

const (
	worldUsers      = 2
	worldResidences = 3
)

func newWorld(ctx context.Context, f faults, rdb *redis.Client, pods []*Cache, draw func(string, int) int) *world {
	w := &world{
		ctx: ctx, draw: draw, faults: f, rdb: rdb, pods: pods, now: time.UnixMilli(1_000_000_000),
		db:     &database{counts: counts{}, sees: map[int64][]int64{}, saw: map[int64][]string{}, dead: map[string]int{}},
		copies: map[int64]map[string]content{}, logins: map[int64]int{},
		acked: counts{}, seen: counts{}, due: counts{},
	}
	for u := int64(1); u <= worldUsers; u++ {
		w.copies[u] = map[string]content{}
		w.db.sees[u] = []int64{1, u + 1} // one is shared by all
		w.db.saw[u] = []string{encodeIDs(w.db.sees[u])}
	}
	return w
}

func (w *world) violated(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

func (w *world) pod() *Cache { return w.pods[w.draw("pod", len(w.pods))] }

// list is one of the two that are asked for here.
func (w *world) list() List  { return []List{Tasks, Contractors}[w.draw("list", 2)] }
func (w *world) user() int64 { return 1 + int64(w.draw("user", worldUsers)) }

// step is one step of somebody.
func (w *world) step() {
	switch n := w.draw("step", 34+8*int(w.faults)); {
	case n < 8:
		w.begin()
	case n < 17:
		w.advanceRequest()
	case n < 19:
		w.beginWrite()
	case n < 26:
		w.advanceWrite()
	case n < 28:
		w.sweep()
	case n < 30:
		w.now = w.now.Add(time.Duration(1+w.draw("seconds", 3)) * time.Second)
	case n < 31:
		w.settle()
	case n < 32:
		w.runOne(&w.orphans)
	case n < 33:
		w.lapse()
	case n < 34:
		w.logins[w.user()]++ // another token
	case n < 40:
		w.evict()
	case n < 42:
		w.restart()
	case n < 46:
		w.runOne(&w.late)
	default:
		w.outsideSQL()
	}
}

func (w *world) runOne(of *[]func()) {
	if n := len(*of); n > 0 {
		i := w.draw("which", n)
		run := (*of)[i]
		*of = slices.Delete(*of, i, i+1)
		run()
	}
}

// obliged is what a read that begins now has to contain.
func (w *world) obliged() counts {
	must := counts{}
	must.raise(w.due)
	if w.faults <= forgetful {
		must.raise(w.acked)
	}
	if w.faults == noFault {
		must.raise(w.seen)
	}
	return must
}

// answered judges what a read answers, by what it had to contain when it began.
func (w *world) answered(what string, must, got counts) {
	for s, n := range got {
		if n < must[s] {
			w.violated("%s has change %d of %s, and had to have %d", what, n, s, must[s])
		}
	}
	w.seen.raise(got)
}

// request is one request on its way.
type request struct {
	pod     *Cache
	user    int64
	token   string
	reading *Reading
	must    counts
	loaded  *Answer
}

// begin reads, and judges what the cache serves.
func (w *world) begin() {
	if len(w.requests) >= 6 {
		return
	}
	r := &request{pod: w.pod(), user: w.user(), must: w.obliged()}
	r.token = fmt.Sprintf("%d.%d", r.user, w.draw("login", w.logins[r.user]+1))
	q := Question{Token: TokenHash(r.token), Item: Item{In: Tasks, ID: 1}}
	if w.draw("listless", 4) > 0 {
		q.List = w.list()
		q.IfNoneMatch = w.anyETag(r.user)
	}
	r.reading = r.pod.Read(w.ctx, q)
	died, dead := w.db.dead[r.token]
	switch {
	case r.reading.Revoked && !dead:
		w.violated("a token was refused that nobody logged out")
	case r.reading.Revoked:
		return
	case r.reading.UserID != 0:
		if dead && died <= r.must[UserScope(r.user)] {
			w.violated("a token was known that is logged out")
		}
		if r.reading.UserID != r.user {
			w.violated("a token of %d was taken for one of %d", r.user, r.reading.UserID)
		}
	}
	if at := r.reading.Residence; at != 0 && at != 1 {
		w.violated("task 1 lies in 1, the hint says %d", at)
	}
	if ids := r.reading.ResidenceIDs; ids != nil && !slices.Contains(w.db.saw[r.user], encodeIDs(ids)) {
		w.violated("residences %v were never what %d saw", ids, r.user)
	}
	if u, ok := r.pod.User(r.reading); ok {
		n, err := strconv.Atoi(u.Name)
		if err != nil || u.ID != r.user {
			w.violated("user %+v is not %d", u, r.user)
		}
		w.answered("the user in memory", r.must, counts{UserScope(r.user): n})
		if q.List == "" {
			return
		}
	}
	switch rd := r.reading; {
	case rd.NotModified:
		c, ok := w.copies[r.user][rd.ETag]
		if !ok || !slices.Contains(strings.Split(q.IfNoneMatch, ", "), rd.ETag) {
			w.violated("the client has no copy %s", rd.ETag)
		}
		w.served("the client's copy", r, c)
	case rd.ListVerdict == Hit:
		w.served("the copy", r, w.keep(r.user, rd.ETag, []byte(rd.Body)))
	default:
		w.requests = append(w.requests, r)
	}
}

func (w *world) served(what string, r *request, c content) {
	if c.Until != 0 && c.Until <= w.now.UnixMilli() {
		w.violated("%s has aged", what)
	}
	w.answered(what, r.must, c.Counts)
}

// keep is the client's memory.
func (w *world) keep(user int64, etag string, body []byte) content {
	var c content
	if err := json.Unmarshal(body, &c); err != nil {
		w.violated("the body %q is nobody's", body)
	}
	if etag != "" {
		w.copies[user][etag] = c
	}
	return c
}

// anyETag is a header with up to two tags, in an order that does not depend on
// what is random in them.
func (w *world) anyETag(user int64) string {
	tags := make([]string, 0, len(w.copies[user]))
	for tag := range w.copies[user] {
		tags = append(tags, tag)
	}
	if len(tags) == 0 || w.draw("etag", 3) == 0 {
		return ""
	}
	slices.SortFunc(tags, func(a, b string) int {
		return strings.Compare(fmt.Sprint(w.copies[user][a]), fmt.Sprint(w.copies[user][b]))
	})
	return tags[w.draw("tag", len(tags))] + `, "another"`
}

// advanceRequest loads, joins or fills; a fill may never come.
func (w *world) advanceRequest() {
	if len(w.requests) == 0 {
		return
	}
	i := w.draw("request", len(w.requests))
	r := w.requests[i]
	gone := func() { w.requests = slices.DeleteFunc(w.requests, func(o *request) bool { return o == r }) }
	if r.loaded != nil {
		gone()
		if w.draw("fill", 8) > 0 {
			r.pod.Fill(w.ctx, r.reading, *r.loaded)
			if r.reading.Stored {
				w.keep(r.user, r.reading.ETag, r.loaded.Body)
			}
		}
		return
	}
	if f := r.reading.token.flight; f != "" {
		for _, o := range w.requests {
			if o != r && o.loaded != nil && o.pod == r.pod && o.reading.token.flight == f &&
				(&flown{Answer: *o.loaded}).fresh(w.now) {
				gone()
				w.served("a shared flight", r, w.keep(r.user, "", o.loaded.Body))
				return
			}
		}
	}
	if r.reading.Aged != nil && w.draw("remake", 4) > 0 {
		a := w.remade(r)
		r.loaded = &a
		return
	}
	if _, dead := w.db.dead[r.token]; dead && r.reading.UserID == 0 {
		gone() // 401
		w.seen.raise(counts{UserScope(r.user): w.db.counts[UserScope(r.user)]})
		return
	}
	a := w.db.answer(cmp.Or(r.reading.question.List, Tasks), r.user, w.ages())
	w.served("the database", r, w.keep(r.user, "", a.Body))
	if r.reading.question.List == "" {
		a.Body = nil
		if w.draw("ids", 2) == 0 {
			a.ResidenceIDs = nil
		}
	}
	r.loaded = &a
}

// ages draws the end of a list's validity; zero for none.
func (w *world) ages() time.Time {
	if w.draw("ages", 2) > 0 {
		return time.Time{}
	}
	return w.now.Add(time.Duration(1+w.draw("until", 4)) * time.Second)
}

// remade is a list of today, made of the copy of a day that has ended.
func (w *world) remade(r *request) Answer {
	var old content
	if err := json.Unmarshal([]byte(r.reading.Aged.Body), &old); err != nil || old.Until == 0 || old.Until > w.now.UnixMilli() || r.reading.Aged.Remake != remakes {
		w.violated("%+v is not a copy that has aged", r.reading.Aged)
	}
	a := answerOf(old.Counts, r.user, w.ages())
	a.User, a.Remade = household.User{ID: r.user}, true
	w.served("what was made of a copy", r, w.keep(r.user, "", a.Body))
	return a
}
