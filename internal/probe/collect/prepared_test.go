package collect

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestForgetMeetsDeepConnections leaves a name on the server connection that the pooler gives last: two clients can't
// meet it, more of them do where the console says that there is room for others besides.
func TestForgetMeetsDeepConnections(t *testing.T) {
	for _, c := range []struct {
		name  string
		depth int // at which the name is
		open  int // server connections
		size  int64
		found bool
	}{
		{"one is idle besides", 4, 5, 0, true},
		{"it is the last, and the pool has room to open one", 3, 3, 20, true},
		{"it is the last of a pool that is as large as it may be", 3, 3, 3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := labtest.Database(t, nil)
			config, err := pgx.ParseConfig(env.DatabaseURL)
			if err != nil {
				t.Fatal(err)
			}
			p := openPair(t.Context(), config)
			defer p.close(t.Context())
			pools, failed := openPools(t.Context(), env.AdminURL, config.Database)
			if failed != nil {
				t.Fatal(failed)
			}
			defer pools.close(t.Context())
			pools.size.Store(c.size)

			name := p.name("deep")
			others := make([]*pairClient, c.open)
			for i := range others {
				o := &pairClient{}
				if o.conn, o.w, err = dial.ConnectPG(t.Context(), p.config); err != nil {
					t.Fatal(err)
				}
				defer o.conn.Close(t.Context())
				others[i] = o
				if err := o.exec(t.Context(), "BEGIN"); err != nil {
					t.Fatal(err)
				}
			}
			if err := others[c.open-c.depth].exec(t.Context(), fmt.Sprintf("PREPARE %s AS SELECT 1", name)); err != nil {
				t.Fatal(err)
			}
			for _, o := range others { // what is given back last is given out first
				if err := o.exec(t.Context(), "COMMIT"); err != nil {
					t.Fatal(err)
				}
			}
			p.owed = []string{name}

			p.forget(t.Context(), nil)
			if len(p.owed) != 1 || len(p.more) != 0 {
				t.Fatalf("without a console %d names are owed and %d more clients were opened, want 1 and 0", len(p.owed), len(p.more))
			}
			p.forget(t.Context(), pools)
			if found := len(p.owed) == 0; found != c.found {
				t.Errorf("it is found: %v, want %v, by %d clients", found, c.found, 2+len(p.more))
			}
			want := 2
			if c.found {
				want = c.depth
			}
			if dials, _ := p.bill(); dials != want {
				t.Errorf("%d connections are on the bill, want %d", dials, want)
			}
		})
	}
}

// TestALostServerIsNoLeak takes the server connection from under a client's statement. The pooler says so with the
// code that Postgres has for other parameters.
func TestALostServerIsNoLeak(t *testing.T) {
	env := labtest.Database(t, nil)
	config, err := pgx.ParseConfig(env.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	p := openPair(t.Context(), config)
	defer p.close(t.Context())
	admin, err := pgx.ParseConfig(env.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	admin.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	console, err := pgx.ConnectConfig(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close(t.Context())
	if err := p.a.exec(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 1)
	go func() { lost <- p.a.exec(t.Context(), "SELECT pg_sleep(2)") }()
	for _, ask := range []string{"KILL ", "RESUME "} {
		if _, err := console.Exec(t.Context(), ask+config.Database); err != nil {
			t.Fatal(err)
		}
	}
	err = <-lost
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "08P01" {
		t.Fatalf("the pooler says %v, want 08P01", err)
	}
	if mixedUp(err) {
		t.Errorf("a lost server is a mix-up: %v", err)
	}
	out := facts.Isolation{Mode: "exec", Answers: 3}
	judge(t.Context(), &out, "a", "", err)
	if got := check.MixedAnswers(&facts.Observation{Ways: facts.WaysFacts{Isolation: out}}); !got.Unknown {
		t.Errorf("a self-test that was cut off is judged: %+v", got)
	}
}

// TestThePairRestsAfterItsLastTest: the idleness that a later transfer needs begins when the last test that uses the pair's
// connections has ended, not with the transfers before it.
func TestThePairRestsAfterItsLastTest(t *testing.T) {
	config, err := pgx.ParseConfig(labtest.Database(t, nil).DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	o, s := &facts.Observation{Config: facts.Config{ExecMode: "exec"}}, &session{pair: openPair(t.Context(), config)}
	defer s.pair.close(t.Context())
	w := &o.Ways
	if hot(t.Context(), &w.Transfers, s.pair); len(w.Transfers.List) == 0 {
		t.Fatal(w.Transfers.Failed)
	}
	transferred, before := time.Now(), s.pair.statements()
	isolatePair(t.Context(), o, s, &reaching{up: true})
	if asked := s.pair.statements() - before; asked != 2*isolationRounds {
		t.Errorf("the test made %d statements, want %d", asked, 2*isolationRounds)
	}
	if !w.Transfers.RestsSince.After(transferred) {
		t.Errorf("the connections rest since %s, and the test began at %s", w.Transfers.RestsSince, transferred)
	}
}
