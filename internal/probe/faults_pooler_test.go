package probe_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// poolerFaults are faults of the pooler, its settings, and of how its clients behave.
func poolerFaults() []fault {
	faults := []fault{
		{
			name: "the app's password is wrong", code: "HD-P01", evidence: "user or password rejected", short: true,
			inject: func(t *testing.T, b *bed) { b.config.URL = changed(t, b.config.URL, password(canaryPassword)) },
		},
		{
			name: "both passwords are wrong", code: "HD-P01", evidence: "user or password rejected",
			inject: func(t *testing.T, b *bed) {
				b.config.URL = changed(t, b.config.URL, password(canaryPassword))
				b.config.DirectURL = changed(t, b.config.DirectURL, password(canaryPassword))
			},
		},
		{
			name: "the app's database does not exist", code: "HD-P01", evidence: "the database does not exist",
			inject: func(t *testing.T, b *bed) { b.config.URL = changed(t, b.config.URL, database("nowhere")) },
		},
		{
			name: "the app asks for no TLS and the pooler wants it", code: "HD-P01", evidence: "the TLS handshake failed",
			inject: func(t *testing.T, b *bed) {
				b.config.URL = changed(t, b.config.URL, parameter("sslmode", "disable"), parameter("sslrootcert", ""))
			},
		},
		{
			name: "the pooler is down", code: "HD-P01", evidence: "the other side closed the connection", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) {
				if err := b.lab.StopPooler(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "the pooler is paused", code: "HD-P05", evidence: "is paused", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) {
				command(t, b.env, "PAUSE")
				t.Cleanup(func() { command(t, b.env, "RESUME") })
			},
		},
		{
			name: "the pool is taken whole", code: "HD-P05", evidence: "the pool is full: 2 of 2 server connections are busy", lab: &lab.Config{PoolSize: 2},
			inject: func(t *testing.T, b *bed) {
				for range 2 {
					conn := poolerClient(t, b)
					if _, err := conn.Exec(t.Context(), "BEGIN"); err != nil {
						t.Fatal(err)
					}
				}
			},
		},
		{
			name: "a pool of two with long holders", code: "HD-P04", evidence: "are explained neither by turns nor by execution", lab: &lab.Config{PoolSize: 2},
			inject: func(t *testing.T, b *bed) {
				clients(t, 6, func(ctx context.Context) { hold(ctx, t, b.env) })
			},
		},
		{
			name: "each statement waits a second for the pool", code: "HD-P04", evidence: "statements wait for a server connection. SHOW POOLS: ", lab: &lab.Config{PoolSize: 1},
			inject: waitASecond,
		},
		{
			name: "each statement waits a second for a pool that has no console", code: "HD-P04", evidence: "statements wait for a server connection.", lab: &lab.Config{PoolSize: 1},
			inject: func(t *testing.T, b *bed) {
				b.config.AdminURL = ""
				waitASecond(t, b)
			},
		},
		{
			name: "most of the pool is held", code: "HD-P09", evidence: "8 of 10 server connections were busy", lab: &lab.Config{PoolSize: 10},
			inject: func(t *testing.T, b *bed) {
				for range 8 {
					conn := poolerClient(t, b)
					if _, err := conn.Exec(t.Context(), "BEGIN"); err != nil {
						t.Fatal(err)
					}
				}
			},
		},
		{
			name: "the pooler has no client connection left", code: "HD-P07", evidence: "max_client_conn is reached", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) {
				for range 5 {
					poolerClient(t, b)
				}
				setting(t, b, "max_client_conn", "5", "1000")
			},
		},
		{
			name: "the database has no client connection left", code: "HD-P07", evidence: "max_db_client_connections is reached (5 of 5 clients)", lab: &lab.Config{}, since: [2]int{1, 24},
			inject: func(t *testing.T, b *bed) {
				for range 5 {
					poolerClient(t, b)
				}
				setting(t, b, "max_db_client_connections", "5", "0")
			},
		},
		{
			name: "the app's role has no client connection left", code: "HD-P07", evidence: "max_user_client_connections is reached (5 of 5 clients)", lab: &lab.Config{}, since: [2]int{1, 24},
			inject: func(t *testing.T, b *bed) {
				for range 5 {
					poolerClient(t, b)
				}
				setting(t, b, "max_user_client_connections", "5", "0")
			},
		},
		{
			name: "the role has no client connection left, and there is no console", code: "HD-P07", evidence: "max_user_client_connections is reached.", lab: &lab.Config{}, since: [2]int{1, 24},
			inject: func(t *testing.T, b *bed) {
				for range 5 {
					poolerClient(t, b)
				}
				setting(t, b, "max_user_client_connections", "5", "0")
				b.config.AdminURL = ""
			},
		},
		{
			name: "all of the database's connections are open", code: "HD-P05", evidence: "max_db_connections is reached: 1 of 1 connections to the database are open", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) {
				if _, err := poolerClient(t, b).Exec(t.Context(), "BEGIN"); err != nil {
					t.Fatal(err)
				}
				setting(t, b, "max_db_connections", "1", "0")
			},
		},
		{
			name: "the pool has no size", code: "HD-P05", evidence: "default_pool_size is 0, which PgBouncer", lab: &lab.Config{}, until: [2]int{1, 24},
			inject: func(t *testing.T, b *bed) {
				setting(t, b, "default_pool_size", "0", "20")
				labtest.Eventually(t, "the end of the pool's connections", func() bool { return poolerServers(t, b) == 0 })
			},
		},
		{
			name: "the pooler closes idle clients", code: "HD-P13", evidence: "client_idle_timeout is 3 s; the tuned value is 0", short: true,
			inject: func(t *testing.T, b *bed) { setting(t, b, "client_idle_timeout", "3", "0") },
		},
		{
			name: "the pooler closes idle clients, and there is no console", code: "HD-P13", evidence: "closed a connection of the probe", lab: &lab.Config{}, short: true,
			inject: func(t *testing.T, b *bed) {
				setting(t, b, "client_idle_timeout", "1", "0")
				b.config.AdminURL, b.config.Window = "", 3*time.Second
			},
		},
		{
			name: "the database URL begins TLS without asking", code: "HD-P08", evidence: "DATABASE_URL has sslnegotiation=direct", short: true, until: [2]int{1, 25},
			inject: func(t *testing.T, b *bed) {
				b.config.URL = changed(t, b.config.URL, parameter("sslnegotiation", "direct"))
			},
		},
		{
			name: "transactions wait for their clients", code: "HD-P11", evidence: "Idle transactions held",
			inject: func(t *testing.T, b *bed) {
				clients(t, 5, func(ctx context.Context) { think(ctx, t, b) })
			},
		},
		{
			name: "clients leave in the middle of transactions", code: "HD-P12", evidence: "server connections were replaced",
			inject: func(t *testing.T, b *bed) {
				clients(t, 4, func(ctx context.Context) { leave(ctx, t, b) })
			},
		},
		{
			name: "the database URL sends a start-up parameter", code: "HD-P08", evidence: "DATABASE_URL has statement_timeout", short: true,
			inject: func(t *testing.T, b *bed) {
				b.config.URL = changed(t, b.config.URL, parameter("statement_timeout", "5000"))
			},
		},
		{
			name: "the database URL asks for channel binding", code: "HD-P08", evidence: "DATABASE_URL has channel_binding=require", short: true,
			inject: func(t *testing.T, b *bed) {
				b.config.URL = changed(t, b.config.URL, parameter("channel_binding", "require"))
			},
		},
		{
			name: "the database URL asks for another way to log in", code: "HD-P08", evidence: "DATABASE_URL has require_auth",
			inject: func(t *testing.T, b *bed) {
				b.config.URL = changed(t, b.config.URL, parameter("require_auth", "md5"))
			},
		},
		{
			name: "the database URL asks for a newer protocol", code: "HD-P08", evidence: "DATABASE_URL has min_protocol_version=3.2",
			inject: func(t *testing.T, b *bed) {
				b.config.URL = changed(t, b.config.URL, parameter("min_protocol_version", "3.2"), parameter("max_protocol_version", "3.2"))
			},
		},
		{
			name: "the database URL allows a newer protocol", code: "HD-P08", evidence: "DATABASE_URL has max_protocol_version=3.2", short: true, until: [2]int{1, 24},
			inject: func(t *testing.T, b *bed) {
				b.config.URL = changed(t, b.config.URL, parameter("max_protocol_version", "3.2"))
			},
		},
		{
			name: "the direct URL asks for channel binding without TLS", code: "HD-D02", evidence: "no common authentication method",
			inject: func(t *testing.T, b *bed) {
				b.config.DirectURL = changed(t, b.config.DirectURL, parameter("channel_binding", "require"), parameter("sslmode", "disable"), parameter("sslrootcert", ""))
			},
		},
		{
			name: "the app's role does not exist", code: "HD-P01", evidence: "user or password rejected",
			inject: func(t *testing.T, b *bed) {
				b.config.URL = changed(t, b.config.URL, func(u *url.URL) { u.User = url.UserPassword("nobody_here", canaryPassword) })
			},
		},
		{
			name: "the execution mode is cache_statement", code: "HD-P03", evidence: "cache_statement", short: true,
			inject: func(_ *testing.T, b *bed) { b.config.ExecMode = "cache_statement" },
		},
		{
			name: "the execution mode is describe_exec", code: "HD-P03", evidence: "describe_exec", short: true,
			inject: func(_ *testing.T, b *bed) { b.config.ExecMode = "describe_exec" },
		},
	}
	for _, s := range drifts() {
		faults = append(faults, fault{
			name: "the pooler's " + s.name + " drifted", code: "HD-P13", evidence: fmt.Sprintf("%s is %s", s.name, s.value), since: s.since,
			inject: func(t *testing.T, b *bed) { setting(t, b, s.name, s.value, s.tuned) },
		})
	}
	return faults
}

// drift is a setting of the pooler, a value that HD-P13 finds, and the lab's own.
type drift struct {
	name, value, tuned string
	since              [2]int
}

func drifts() []drift {
	return []drift{
		{"pool_mode", "session", "transaction", [2]int{}},
		{"default_pool_size", "5", "20", [2]int{}},
		{"max_client_conn", "200", "1000", [2]int{}},
		{"server_idle_timeout", "20", "600", [2]int{}},
		{"server_lifetime", "300", "3600", [2]int{}},
		{"query_wait_timeout", "0", "120", [2]int{}},
		{"server_reset_query_always", "1", "0", [2]int{}},
		{"server_login_retry", "60", "15", [2]int{}},
		{"query_timeout", "3", "0", [2]int{}},
		{"idle_transaction_timeout", "3", "0", [2]int{}},
		{"transaction_timeout", "3", "0", [2]int{1, 25}},
	}
}

// TestRemediesOfThePooler pastes the remedy of every setting of the pooler that HD-P13 and HD-N01 know, on whatever
// version runs here: each must be accepted and fix the finding.
func TestRemediesOfThePooler(t *testing.T) {
	l := labtest.New(t, lab.Config{})
	b := &bed{lab: l, env: l.Env()}
	b.config = config(b.env)
	b.config.Only = []string{"HD-N01", "HD-P13"}
	known := 0
	for _, d := range drifts() {
		if !before(l.PoolerVersion(), d.since) {
			known++
			command(t, b.env, fmt.Sprintf("SET %s = '%s'", d.name, d.value))
		}
	}
	command(t, b.env, "SET client_idle_timeout = '30'")
	command(t, b.env, "SET client_tls_ecdhcurve = 'prime256v1'")
	r := run(t, b.config)
	if want := known + 2; len(r.Findings) != want {
		t.Fatalf("%d findings, want %d: %+v", len(r.Findings), want, r.Findings)
	}
	for _, f := range r.Findings {
		apply(t, b.env, f.Remedy)
	}
	for _, code := range b.config.Only {
		if got := checkOf(t, run(t, b.config), code); got.Status != facts.Pass {
			t.Errorf("after the remedies %s is %s: %s", code, got.Status, got.Why)
		}
	}
	// The line of the file that the remedy names, too: PgBouncer must take it.
	b.rewritePooler(t, "client_tls_ecdhcurve = auto")
	if got := checkOf(t, run(t, b.config), "HD-N01"); got.Status != facts.Pass {
		t.Errorf("with that line in its file HD-N01 is %s: %s", got.Status, got.Why)
	}
}

// TestAPoolOfSizeZero: no limit from PgBouncer 1.24 on, and nothing to find. Before that it is one connection: while that
// one is open the setting is named, and the fault "the pool has no size" has it gone.
func TestAPoolOfSizeZero(t *testing.T) {
	env := labtest.Database(t, prepare) // nobody has asked the pooler for it yet
	c := config(env)
	setting(t, &bed{env: env}, "default_pool_size", "0", "20")
	if !before(labtest.Lab(t).PoolerVersion(), [2]int{1, 24}) {
		r := undisturbed(t, c, healthy)
		for _, f := range r.Findings {
			if f.Severity != facts.Info {
				t.Errorf("a pool without a limit: %+v", f)
			}
		}
		contains(t, checkOf(t, r, "HD-P09").Why, "the pool has no limit")
		return
	}
	c.Only = []string{"HD-P13"}
	contains(t, first(t, run(t, c), "HD-P13").Evidence, "default_pool_size is 0 (one connection in PgBouncer 1.")
}

// poolerServers is how many server connections the pooler has, of all databases.
func poolerServers(t *testing.T, b *bed) int64 {
	t.Helper()
	console, err := store.OpenConsole(t.Context(), b.env.AdminURL, "", nil)
	must(t, err)
	defer console.Close(t.Context())
	pools, err := console.Pools(t.Context())
	must(t, err)
	return pools.ServersActive + pools.ServersIdle
}

// waitASecond makes a statement of anybody's wait for two others of half a second in a pool of one.
func waitASecond(t *testing.T, b *bed) {
	clients(t, 2, func(ctx context.Context) { holdFor(ctx, t, b.env, 500*time.Millisecond) })
}

// setting changes one of the pooler's settings until the test's end.
func setting(t *testing.T, b *bed, name, value, before string) {
	t.Helper()
	command(t, b.env, fmt.Sprintf("SET %s = '%s'", name, value))
	t.Cleanup(func() { command(t, b.env, fmt.Sprintf("SET %s = '%s'", name, before)) })
}

// clients runs that many until the test's end, and waits until each had the time to begin.
func clients(t *testing.T, n int, client func(context.Context)) {
	t.Helper()
	for range n {
		inBackground(t, client)
	}
	time.Sleep(300 * time.Millisecond)
}

// poolerClient is a client of the app's endpoint that stays until the test's end.
func poolerClient(t *testing.T, b *bed) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.env.DatabaseURL+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// think keeps a transaction open for 250 ms between two statements, again and again.
func think(ctx context.Context, t *testing.T, b *bed) {
	conn, err := pgx.Connect(ctx, b.env.DatabaseURL+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		for _, sql := range []string{"BEGIN", "SELECT 1", "COMMIT"} {
			if _, err := conn.Exec(ctx, sql); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
			if sql == "SELECT 1" {
				pause(ctx, 250*time.Millisecond)
			}
		}
	}
}

// leave connects, begins a transaction and goes without a word, again and again.
func leave(ctx context.Context, t *testing.T, b *bed) {
	for ctx.Err() == nil {
		conn, err := pgx.Connect(ctx, b.env.DatabaseURL+"&default_query_exec_mode=simple_protocol")
		if err == nil {
			_, err = conn.Exec(ctx, "BEGIN")
			_ = conn.PgConn().Conn().Close()
		}
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			return
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
