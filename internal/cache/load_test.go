package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// flight is one load that stands still until the test lets it go.
type flight struct {
	begun chan struct{}
	end   chan Answer
	loads atomic.Int32
}

func newFlight() *flight { return &flight{begun: make(chan struct{}, 10), end: make(chan Answer, 10)} }

func (f *flight) load(ctx context.Context) (Answer, error) {
	f.loads.Add(1)
	f.begun <- struct{}{}
	select {
	case a := <-f.end:
		return a, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

type landed struct {
	r   *Reading
	a   Answer
	err error
}

// missing is a cache that knows person's token and states, and not the list.
func missing(t *testing.T) (*Cache, *database) {
	c, d := opened(t, Config{URL: labtest.Redis(t)}), &database{}
	swept(t, c, d)
	a := answer("")
	a.Body = nil
	warmed(t, c, Question{Token: TokenHash("t")}, a)
	return c, d
}

func start(ctx context.Context, c *Cache, r *Reading, f *flight) <-chan landed {
	done := make(chan landed, 1)
	go func() {
		a, err := c.Load(ctx, r, f.load)
		done <- landed{r, a, err}
	}()
	return done
}

// joined waits until n requests share c's flight of r: it asks singleflight by
// joining the flight itself, which needs no clock.
func joined(t *testing.T, c *Cache, r *Reading, n int) []<-chan landed {
	t.Helper()
	var out []<-chan landed
	for range n {
		follower := *r
		asked := make(chan landed, 1)
		var entered sync.WaitGroup
		entered.Add(1)
		go func() {
			ctx := enteredContext{t.Context(), &entered, &sync.Once{}}
			a, err := c.Load(ctx, &follower, func(context.Context) (Answer, error) {
				return Answer{}, errors.New("a follower loaded")
			})
			asked <- landed{&follower, a, err}
		}()
		entered.Wait()
		out = append(out, asked)
	}
	return out
}

// enteredContext tells when somebody waits for its end: Load does so once it
// has joined.
type enteredContext struct {
	context.Context
	entered *sync.WaitGroup
	once    *sync.Once
}

func (c enteredContext) Done() <-chan struct{} {
	c.once.Do(c.entered.Done)
	return c.Context.Done()
}

func TestReadsThatKnowTheSameShareAFlight(t *testing.T) {
	c, _ := missing(t)
	f := newFlight()
	r := c.Read(t.Context(), tasks("t"))
	lead := start(t.Context(), c, r, f)
	<-f.begun
	followers := joined(t, c, c.Read(t.Context(), tasks("t")), 3)
	f.end <- answer("list")
	l := <-lead
	if l.err != nil || string(l.a.Body) != "list" || !l.r.Stored || l.r.Collapsed || l.r.ETag == "" {
		t.Errorf("the leader: %+v, %v", l.r, l.err)
	}
	for _, done := range followers {
		got := <-done
		if got.err != nil || string(got.a.Body) != "list" || got.r.Stored || !got.r.Collapsed || got.r.ETag != l.r.ETag {
			t.Errorf("a follower: %+v, %v", got.r, got.err)
		}
	}
	if n := f.loads.Load(); n != 1 {
		t.Errorf("the database was asked %d times, want once", n)
	}
}

// TestWhoJoinsNoFlight: a request that may not share asks for itself though a
// flight for its list is under way.
func TestWhoJoinsNoFlight(t *testing.T) {
	cases := []struct {
		name string
		// change happens after the flight has begun and before the request does.
		change func(*Cache, *database)
		token  string
	}{
		{"versions have changed", func(c *Cache, d *database) { written(t, c, d, Effects{}, r1) }, "t"},
		{"a state was evicted", func(c *Cache, _ *database) { c.rdb.Del(t.Context(), r1.stateKey()) }, "t"},
		{"a write holds", func(c *Cache, _ *database) { c.Hold(t.Context(), r1) }, "t"},
		{"there is no lease", func(c *Cache, _ *database) { c.rdb.HDel(t.Context(), sharedKey, "lease") }, "t"},
		{"everything has changed", func(c *Cache, d *database) {
			d.everything = true
			swept(t, c, d)
		}, "t"},
		{"its token is unknown", func(*Cache, *database) {}, "other"},
		{"its residences are unknown", func(c *Cache, _ *database) { c.rdb.Del(t.Context(), residenceIDsKey(7)) }, "t"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, d := missing(t)
			first, second := newFlight(), newFlight()
			lead := start(t.Context(), c, c.Read(t.Context(), tasks("t")), first)
			<-first.begun
			tc.change(c, d)
			own := start(t.Context(), c, c.Read(t.Context(), tasks(tc.token)), second)
			<-second.begun // it asks for itself: if it had joined, this would never come
			second.end <- answer("new")
			if got := <-own; got.err != nil || string(got.a.Body) != "new" || got.r.Collapsed {
				t.Errorf("%+v, %q, %v", got.r, got.a.Body, got.err)
			}
			first.end <- answer("old")
			<-lead
		})
	}
}

// TestReadersThatGoRoundShareNothing with one another either.
func TestReadersThatGoRoundShareNothing(t *testing.T) {
	for name, change := range map[string]func(*Cache){
		"held":     func(c *Cache) { c.Hold(t.Context(), r1) },
		"no lease": func(c *Cache) { c.rdb.HDel(t.Context(), sharedKey, "lease") },
		"blind":    func(c *Cache) { c.rdb.Del(t.Context(), tokenKey(TokenHash("t"))) },
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := missing(t)
			change(c)
			f := newFlight()
			var all []<-chan landed
			for range 3 {
				all = append(all, start(t.Context(), c, c.Read(t.Context(), tasks("t")), f))
			}
			for range all {
				<-f.begun // each asks for itself, at the same time
			}
			for range all {
				f.end <- answer("list")
			}
			for _, done := range all {
				if got := <-done; got.err != nil || got.r.Collapsed {
					t.Errorf("%+v, %v", got.r, got.err)
				}
			}
		})
	}
}

// TestALeaderThatHangsUp fails nobody else, and its reading is its own again:
// -race finds who touches it afterwards.
func TestALeaderThatHangsUp(t *testing.T) {
	c, _ := missing(t)
	f := newFlight()
	ctx, hangUp := context.WithCancel(t.Context())
	r := c.Read(t.Context(), tasks("t"))
	lead := start(ctx, c, r, f)
	<-f.begun
	followers := joined(t, c, c.Read(t.Context(), tasks("t")), 2)
	hangUp()
	if got := <-lead; !errors.Is(got.err, context.Canceled) {
		t.Errorf("the leader got %v", got.err)
	}
	*r = Reading{Why: "another's"}
	f.end <- answer("list")
	for _, done := range followers {
		if got := <-done; got.err != nil || string(got.a.Body) != "list" {
			t.Errorf("a follower got %v", got.err)
		}
	}
	if r.Why != "another's" || r.Stored || r.ETag != "" {
		t.Errorf("the leader's reading was written after it had left: %+v", r)
	}
}

// TestALeaderThatFails for a reason of its own: who joined it asks for itself.
func TestALeaderThatFails(t *testing.T) {
	for name, leader := range map[string]struct {
		background bool
		err        error
	}{
		"little time":          {false, context.DeadlineExceeded},
		"nobody waited for it": {true, errors.New("the reader sees other residences now")},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := missing(t)
			r := c.Read(t.Context(), tasks("t"))
			block, began := make(chan struct{}), make(chan struct{})
			go func() {
				other := *r
				other.question.Background = leader.background
				_, _ = c.Load(t.Context(), &other, func(context.Context) (Answer, error) {
					close(began)
					<-block
					return Answer{}, leader.err
				})
			}()
			<-began
			var entered sync.WaitGroup
			entered.Add(1)
			done := make(chan landed, 1)
			go func() {
				a, err := c.Load(enteredContext{t.Context(), &entered, &sync.Once{}}, r, func(context.Context) (Answer, error) { return answer("own"), nil })
				done <- landed{r, a, err}
			}()
			entered.Wait()
			close(block)
			if got := <-done; got.err != nil || string(got.a.Body) != "own" || got.r.Collapsed {
				t.Errorf("%+v, %v", got.r, got.err)
			}
		})
	}
}

// TestAPanicEndsOneRequest and not the process: it comes up where the request
// can recover it.
func TestAPanicEndsOneRequest(t *testing.T) {
	c, _ := missing(t)
	defer func() {
		if p := recover(); p == nil {
			t.Error("the panic was lost")
		}
	}()
	_, err := c.Load(t.Context(), c.Read(t.Context(), tasks("t")), func(context.Context) (Answer, error) { panic("in the statement") })
	t.Errorf("no panic, %v", err)
}

func TestAFailedLoadStoresNothing(t *testing.T) {
	c, _ := missing(t)
	broken := errors.New("the database is gone")
	r := c.Read(t.Context(), tasks("t"))
	if _, err := c.Load(t.Context(), r, func(context.Context) (Answer, error) { return answer("x"), broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if r := c.Read(t.Context(), tasks("t")); r.ListVerdict != Miss {
		t.Errorf("%+v", r)
	}
}
