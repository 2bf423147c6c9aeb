package check

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// tunedPooler is a console of that version whose settings are all as they should be.
func tunedPooler(version facts.Release) (*facts.Observation, *facts.PoolerFacts) {
	o := consoleSaid(facts.PoolerStats{}, facts.PoolerStats{})
	o.Pooler.Endpoint = facts.Endpoint{Address: "pooler:6432", ConnectTurns: 6, ConnectMS: 785}
	c := o.Ways.Console
	c.Version, c.Settings = version, store.ConsoleRow{"pool_mode": "transaction"}
	for _, s := range facts.PoolerSettings() {
		c.Settings[s.Name] = s.Tuned
	}
	c.SetSize()
	return o, c
}

// TestPoolSize reads a pool's size as the version means it: whose setting decides, and what 0 is.
func TestPoolSize(t *testing.T) {
	old, young := facts.Release{1, 18, 0}, facts.Release{1, 24, 1}
	for _, c := range []struct {
		name                 string
		version              facts.Release
		pooler, database, by string // default_pool_size, pool_size of the database
		user                 string // pool_size of the user
		size                 int64  // 0 is no limit
		drifted              bool
	}{
		{name: "tuned", version: old, pooler: "20", by: "default_pool_size", size: 20},
		{name: "the database is not known yet", version: young, pooler: "20", by: "default_pool_size", size: 20},
		{name: "small", version: young, pooler: "5", database: "5", by: "default_pool_size", size: 5, drifted: true},
		{name: "the database's own", version: old, pooler: "20", database: "5", by: "pool_size of the database", size: 5, drifted: true},
		{name: "the database's own is larger", version: young, pooler: "5", database: "20", by: "pool_size of the database", size: 20},
		{name: "the user's own", version: young, pooler: "20", database: "20", user: "5", by: "pool_size of the user", size: 5, drifted: true},
		{name: "0 in 1.18", version: old, pooler: "0", by: "default_pool_size", size: 1, drifted: true},
		{name: "0 in 1.23", version: facts.Release{1, 23, 1}, pooler: "0", by: "default_pool_size", size: 1, drifted: true},
		{name: "0 in 1.24", version: young, pooler: "0", by: "default_pool_size"},
		{name: "the database's 0 in 1.18", version: old, pooler: "20", database: "0", by: "pool_size of the database", size: 1, drifted: true},
		{name: "the database's 0 in 1.24", version: young, pooler: "20", database: "0", by: "pool_size of the database"},
		{name: "the user's 0 in 1.24", version: young, pooler: "20", database: "20", user: "0", by: "pool_size of the user"},
	} {
		o, f := tunedPooler(c.version)
		f.Settings[facts.DefaultPoolSize] = c.pooler
		if c.database != "" {
			f.Database = store.ConsoleRow{"pool_size": c.database}
		}
		f.User = store.ConsoleRow{"pool_size": c.user}
		_, by := f.DeclaredSize()
		if got := f.SetSize(); got != c.size || by != c.by {
			t.Errorf("%s: %d by %s, want %d by %s", c.name, got, by, c.size, c.by)
		}
		hits := poolerDrifted(o).Hits
		if (len(hits) == 1) != c.drifted || c.drifted && !strings.HasPrefix(hits[0].Evidence, c.by+" is ") {
			t.Errorf("%s: %+v", c.name, hits)
		}
		f.HasPool, o.Pools = true, &store.Pools{ServersActive: 3}
		f.First.ServersActive, f.Before.Linked, f.After.Linked = 3, 3, 3
		if hits := poolerFull(o).Hits; (len(hits) > 0) != (c.size == 1) {
			t.Errorf("%s, and 3 are busy: %+v", c.name, hits)
		}
	}
}

// TestClientLimits: the limit that a refusal names, in the words of each version, with the console's figures or without.
func TestClientLimits(t *testing.T) {
	console := &facts.PoolerFacts{
		Version: facts.Release{1, 24, 1}, Settings: store.ConsoleRow{"max_client_conn": "1000"}, Clients: 6,
		Database: store.ConsoleRow{"max_client_connections": "5", "current_client_connections": "5"},
		User:     store.ConsoleRow{"max_user_client_connections": "4", "current_client_connections": "4"},
	}
	for _, c := range []struct{ message, limit, figures string }{
		{"no more connections allowed (max_client_conn)", "max_client_conn", ""},
		{"client connections exceeded (max_db_client_connections)", "max_db_client_connections", " (5 of 5 clients)"},
		{"client connections exceeded (max_user_client_connections)", "max_user_client_connections", " (4 of 4 clients)"},
		{"no such user", "", ""},
	} {
		for _, known := range []*facts.PoolerFacts{console, nil} {
			o := &facts.Observation{Pooler: &facts.PGServer{Failed: &facts.Failure{Kind: facts.KindServer, Err: &pgconn.PgError{Code: "08P01", Message: c.message}}}}
			o.Ways.Console = known
			if c.limit == "" {
				if known == nil && len(clientsRefused(o).Hits) > 0 {
					t.Errorf("%s is taken for a limit", c.message)
				}
				continue
			}
			hits := clientsRefused(o).Hits
			want := c.limit + " is reached"
			if known != nil {
				want += c.figures
			}
			if len(hits) != 1 || !strings.Contains(hits[0].Evidence, want+".") || !strings.Contains(hits[0].Remedy, "raise "+c.limit+" ") {
				t.Errorf("%s: %+v", c.message, hits)
			}
		}
	}
	o, f := tunedPooler(facts.Release{1, 24, 1})
	f.Database, f.User, f.HasPool, o.Pools = store.ConsoleRow{"pool_size": "20", "max_client_connections": "5", "current_client_connections": "4"}, console.User, true, &store.Pools{}
	if hits := poolerFull(o).Hits; len(hits) != 2 || !strings.Contains(hits[0].Evidence, "max_db_client_connections") || !strings.Contains(hits[1].Evidence, "max_user_client_connections") {
		t.Errorf("limits that are nearly reached: %+v", hits)
	}
}

// TestWhyAPoolIsStuck tells apart what looks alike in SHOW POOLS: clients that wait, and no server connection.
func TestWhyAPoolIsStuck(t *testing.T) {
	waits := facts.StuckPool{Known: true, Waiting: 3}
	paused, known := waits, waits
	paused.Paused, known.StateKnown = true, true
	full := waits
	full.Servers, full.Active = 2, 0
	for _, c := range []struct {
		name             string
		stuck            facts.StuckPool
		change           func(*facts.PoolerFacts)
		evidence, remedy string
	}{
		{"paused", paused, nil, "PgBouncer is paused", "RESUME"},
		{"nobody can say", waits, nil, "most likely it is paused", "server_login_retry"},
		{"not paused", known, nil, "although it is not paused", "server_login_retry"},
		{"a pool of size 0", known, func(f *facts.PoolerFacts) { f.Settings[facts.DefaultPoolSize] = "0" }, "default_pool_size is 0, which PgBouncer 1.18.0 treats as one", "SET default_pool_size = '20'"},
		{"a database's pool of size 0", waits, func(f *facts.PoolerFacts) { f.Database = store.ConsoleRow{"pool_size": "0"} }, "pool_size of the database is 0", "RELOAD"},
		{"all databases together", full, func(f *facts.PoolerFacts) {
			f.Database = store.ConsoleRow{"pool_size": "20", "max_connections": "8", "current_connections": "8"}
		}, "max_db_connections is reached: 8 of 8 connections to the database are open, 2 of them for this pool", "raise max_db_connections"},
	} {
		o, f := tunedPooler(facts.Release{1, 18, 0})
		f.Stuck = c.stuck
		if c.change != nil {
			c.change(f)
		}
		f.SetSize()
		if h := stuck(o); !strings.Contains(h.Evidence, c.evidence) || !strings.Contains(h.Remedy, c.remedy) {
			t.Errorf("%s: %+v", c.name, h)
		}
	}
}

// TestTimeoutsOfThePooler: each that ends connections of the app is named, at the price of another connection.
func TestTimeoutsOfThePooler(t *testing.T) {
	for _, c := range []struct {
		setting, value string
		found          bool
	}{
		{"client_idle_timeout", "3", true},
		{"client_idle_timeout", "1800", true},
		{"client_idle_timeout", "3600", false}, // no connection of the app lives that long
		{"query_timeout", "3", true},
		{"query_timeout", "60", false},
		{"idle_transaction_timeout", "3", true},
		{"idle_transaction_timeout", "60", false},
		{"transaction_timeout", "3", true},
		{"transaction_timeout", "60", false},
	} {
		o, f := tunedPooler(facts.Release{1, 26, 1})
		f.Settings[c.setting] = c.value
		hits := poolerDrifted(o).Hits
		if (len(hits) == 1) != c.found {
			t.Errorf("%s = %s: %+v", c.setting, c.value, hits)
			continue
		}
		if c.found && (hits[0].CostMS != 785 || !strings.HasPrefix(hits[0].Evidence, c.setting+" is "+c.value+" s;") || !strings.Contains(hits[0].Evidence, "6 turns (785 ms)") || !strings.Contains(hits[0].Remedy, "SET "+c.setting+" = '0'")) {
			t.Errorf("%s = %s: %+v", c.setting, c.value, hits[0])
		}
	}
	o, f := tunedPooler(facts.Release{1, 18, 0})
	delete(f.Settings, "transaction_timeout") // as in a version that has none
	if hits := poolerDrifted(o).Hits; len(hits) > 0 {
		t.Errorf("a setting that is not there drifted: %+v", hits)
	}
}

// TestIdleClientsWithoutAConsole: what was closed says so itself.
func TestIdleClientsWithoutAConsole(t *testing.T) {
	seen, counted, neither := &facts.Observation{}, &facts.Observation{Target: &facts.Target{Metrics: &facts.TargetMetrics{Pool: facts.PoolMetrics{IdleLimitS: 3.4}}}}, &facts.Observation{Target: &facts.Target{Metrics: &facts.TargetMetrics{}}}
	seen.Ways.ClosedAfter, seen.Ways.ClosedFor = 3400*time.Millisecond, "client_idle_timeout"
	for _, o := range []*facts.Observation{seen, counted, neither} {
		o.Pooler = &facts.PGServer{Pooled: true, Endpoint: facts.Endpoint{ConnectTurns: 6, ConnectMS: 785}}
		out := poolerDrifted(o)
		if o == neither {
			if !out.Unknown {
				t.Errorf("nothing was seen: %+v", out)
			}
			continue
		}
		if len(out.Hits) != 1 || out.Hits[0].CostMS != 785 || !strings.Contains(out.Hits[0].Evidence, "3.4 s idle (client_idle_timeout)") || out.Hits[0].about[0] != "client_idle_timeout" {
			t.Errorf("%+v", out)
		}
	}
}

// TestACurveOfEachServer: no remedy names a setting with which the server would not start.
func TestACurveOfEachServer(t *testing.T) {
	for _, c := range []struct {
		server      facts.PGServer
		has, hasNot string
	}{
		{facts.PGServer{Pooled: true, ServerVersion: 150018}, "SET client_tls_ecdhcurve = 'auto'", "ssl_"},
		{facts.PGServer{ServerVersion: 180004}, "ssl_groups = 'X25519:prime256v1'", "ecdhcurve"},
		{facts.PGServer{ServerVersion: 170010}, "openssl s_client", "SET "},
	} {
		o := &facts.Observation{Pooler: &c.server}
		if got := otherCurve(o); !strings.Contains(got, c.has) || strings.Contains(got, c.hasNot) {
			t.Errorf("%+v: %s", c.server, got)
		}
	}
}
