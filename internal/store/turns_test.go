package store

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// recorder is a tracer that keeps what was executed.
type recorder struct {
	mu  sync.Mutex
	sql []string
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sql = append(r.sql, d.SQL)
	return ctx
}

func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	sql := r.sql
	r.sql = nil
	return sql
}

// TestEachMethodIsOneStatementAndOneTurn runs every method over the pooler in
// each execution mode that is safe there. The statement executed is the one
// declared, it takes as many turns as the mode costs, cold and warm, and the
// meter, the request's tally and a proxy outside agree on that.
func TestEachMethodIsOneStatementAndOneTurn(t *testing.T) {
	for _, mode := range []struct {
		name       string
		cold, warm int64
	}{
		{"exec", 1, 1},
		{"simple_protocol", 1, 1},
		{"cache_describe", 2, 1},
	} {
		t.Run(mode.name, func(t *testing.T) {
			env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
			tracer := &recorder{}
			// One connection, so that cold and warm are known.
			db := open(t, env, func(c *Config) {
				c.ExecMode, c.Tracer = mode.name, tracer
				c.MaxConns, c.MinIdleConns = 1, 1
			})
			setup := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 1, 1 })
			worlds := []*world{newWorldNamed(t, setup, "a"), newWorldNamed(t, setup, "b")}
			var run []string
			for n, want := range []int64{mode.cold, mode.warm} {
				w := worlds[n]
				w.db = db
				for _, c := range calls() {
					tracer.take()
					ctx, tally := link.WithTally(t.Context())
					before := proxy.Counts()
					if err := c.do(ctx, w, n); err != nil {
						t.Fatalf("%s: %v", c.query.Name, err)
					}
					outside := proxy.Counts().Turns - before.Turns
					// A hot list goes with the lookup of its token, in one turn in every mode.
					statements, want := []string{c.query.SQL}, want
					if c.query.Hot && c.query.Name != authLookup.Name {
						statements, want = []string{c.query.SQL, authLookup.SQL}, 1
					}
					if tally.Turns() != want || outside != want {
						t.Errorf("%s: %d turns on the tally, %d outside, want %d", c.query.Name, tally.Turns(), outside, want)
					}
					if tally.DB() <= 0 {
						t.Errorf("%s: no time was charged", c.query.Name)
					}
					if sql := tracer.take(); !slices.Equal(sql, statements) {
						t.Errorf("%s: executed %q", c.query.Name, sql)
					}
					run = append(run, c.query.Name)
				}
			}
			// Those are not asked by a method of the pool: at its opening, and on a connection of their own.
			elsewhere := []string{poolProof.Name, statementTotals.Name, extensionFind.Name, pagePrewarm.Name, timeoutsOff.Name, selfTest.Name, subjectGuess.Name, subjectBlind.Name}
			for _, q := range Catalogue() {
				if !slices.Contains(elsewhere, q.Name) && !slices.Contains(run, q.Name) {
					t.Errorf("%s: no method of this test runs it", q.Name)
				}
			}
		})
	}
}

// TestRunAndOnEachIdle: what probe and warmup run is charged as anything else,
// reaches every connection, and never writes.
func TestRunAndOnEachIdle(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 5, 5 })
	w := newWorld(t, db)
	s := Subject{UserID: w.owner.ID, TokenHash: w.token, At: at()}
	ran, err := db.Run(t.Context(), authLookup, authLookup.Sample(s)...)
	if err != nil || ran.Rows != 1 || ran.Turns != 1 || ran.Took <= 0 {
		t.Errorf("run: %+v %v", ran, err)
	}
	hot := slices.DeleteFunc(Catalogue(), func(q Query) bool { return !q.Hot })
	before := proxy.Counts()
	all, err := db.OnEachIdle(t.Context(), hot, func(q Query) []any { return q.Sample(s) })
	check(t, err)
	if len(all) != 5 {
		t.Errorf("%d connections, want 5", len(all))
	}
	for _, r := range all {
		// One user; one home and the two tasks of the board in one row; one row of each list.
		if r.Turns != int64(len(hot)) || r.Rows != 1+2+1+1+1 {
			t.Errorf("one connection: %+v", r)
		}
	}
	if after := proxy.Counts(); after.Turns-before.Turns != int64(5*len(hot)) || after.Dials != before.Dials {
		t.Errorf("outside: %+v, before %+v", after, before)
	}
	if _, err := db.Run(t.Context(), taskStart, taskStart.Sample(s)...); err == nil {
		t.Error("a write was run for a measurement")
	}
	if _, err := db.OnEachIdle(t.Context(), []Query{taskStart}, nil); err == nil {
		t.Error("a write was run for a warm-up")
	}
	check(t, db.Ping(t.Context()))
	if s := db.Stat(); s.InUse != 0 || s.Idle != 5 {
		t.Errorf("pool: %+v", s)
	}
}
