package probe

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/store"
)

// tunedPooler is a console of that version whose settings are all as they should be.
func tunedPooler(version release) (*observation, *poolerFacts) {
	o := consoleSaid(poolerStats{}, poolerStats{})
	o.pooler.endpoint = Endpoint{Address: "pooler:6432", ConnectTurns: 6, ConnectMS: 785}
	c := o.ways.console
	c.version, c.settings = version, store.ConsoleRow{"pool_mode": "transaction"}
	for _, s := range poolerSettings() {
		c.settings[s.name] = s.tuned
	}
	c.setSize()
	return o, c
}

// TestPoolSize reads a pool's size as the version means it: whose setting decides, and what 0 is.
func TestPoolSize(t *testing.T) {
	old, young := release{1, 18, 0}, release{1, 24, 1}
	for _, c := range []struct {
		name                 string
		version              release
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
		{name: "0 in 1.23", version: release{1, 23, 1}, pooler: "0", by: "default_pool_size", size: 1, drifted: true},
		{name: "0 in 1.24", version: young, pooler: "0", by: "default_pool_size"},
		{name: "the database's 0 in 1.18", version: old, pooler: "20", database: "0", by: "pool_size of the database", size: 1, drifted: true},
		{name: "the database's 0 in 1.24", version: young, pooler: "20", database: "0", by: "pool_size of the database"},
		{name: "the user's 0 in 1.24", version: young, pooler: "20", database: "20", user: "0", by: "pool_size of the user"},
	} {
		o, f := tunedPooler(c.version)
		f.settings[defaultPoolSize] = c.pooler
		if c.database != "" {
			f.database = store.ConsoleRow{"pool_size": c.database}
		}
		f.user = store.ConsoleRow{"pool_size": c.user}
		_, by := f.declaredSize()
		if got := f.setSize(); got != c.size || by != c.by {
			t.Errorf("%s: %d by %s, want %d by %s", c.name, got, by, c.size, c.by)
		}
		hits := poolerDrifted(o).hits
		if (len(hits) == 1) != c.drifted || c.drifted && !strings.HasPrefix(hits[0].evidence, c.by+" is ") {
			t.Errorf("%s: %+v", c.name, hits)
		}
		f.hasPool, o.pools = true, &store.Pools{ServersActive: 3}
		f.first.ServersActive, f.before.linked, f.after.linked = 3, 3, 3
		if hits := poolerFull(o).hits; (len(hits) > 0) != (c.size == 1) {
			t.Errorf("%s, and 3 are busy: %+v", c.name, hits)
		}
	}
}

// TestRoomInAPool: a server connection may be taken where two are idle, or one is and another can be opened.
func TestRoomInAPool(t *testing.T) {
	for _, c := range []struct {
		name, size   string
		active, idle int64
		room         bool
	}{
		{"two are idle", "2", 0, 2, true},
		{"one is, and the pool is full", "2", 1, 1, false},
		{"one is, and another can be opened", "3", 1, 1, true},
		{"one is, and the pool has no limit", "0", 40, 1, true},
		{"none is", "0", 40, 0, false},
	} {
		p := &poolsConsole{}
		p.sizedAs(&poolerFacts{version: release{1, 24}, settings: store.ConsoleRow{defaultPoolSize: c.size}})
		if got := hasSpare(store.Pools{ServersActive: c.active, ServersIdle: c.idle}, p.size.Load()); got != c.room {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestClientLimits: the limit that a refusal names, in the words of each version, with the console's figures or without.
func TestClientLimits(t *testing.T) {
	console := &poolerFacts{
		version: release{1, 24, 1}, settings: store.ConsoleRow{"max_client_conn": "1000"}, clients: 6,
		database: store.ConsoleRow{"max_client_connections": "5", "current_client_connections": "5"},
		user:     store.ConsoleRow{"max_user_client_connections": "4", "current_client_connections": "4"},
	}
	for _, c := range []struct{ message, limit, figures string }{
		{"no more connections allowed (max_client_conn)", "max_client_conn", ""},
		{"client connections exceeded (max_db_client_connections)", "max_db_client_connections", " (5 of 5 clients)"},
		{"client connections exceeded (max_user_client_connections)", "max_user_client_connections", " (4 of 4 clients)"},
		{"no such user", "", ""},
	} {
		for _, known := range []*poolerFacts{console, nil} {
			o := &observation{pooler: &pgServer{failed: &failure{kind: kindServer, err: &pgconn.PgError{Code: "08P01", Message: c.message}}}}
			o.ways.console = known
			if c.limit == "" {
				if known == nil && len(clientsRefused(o).hits) > 0 {
					t.Errorf("%s is taken for a limit", c.message)
				}
				continue
			}
			hits := clientsRefused(o).hits
			want := c.limit + " is reached"
			if known != nil {
				want += c.figures
			}
			if len(hits) != 1 || !strings.Contains(hits[0].evidence, want+".") || !strings.Contains(hits[0].remedy, "raise "+c.limit+" ") {
				t.Errorf("%s: %+v", c.message, hits)
			}
		}
	}
	o, f := tunedPooler(release{1, 24, 1})
	f.database, f.user, f.hasPool, o.pools = store.ConsoleRow{"pool_size": "20", "max_client_connections": "5", "current_client_connections": "4"}, console.user, true, &store.Pools{}
	if hits := poolerFull(o).hits; len(hits) != 2 || !strings.Contains(hits[0].evidence, "max_db_client_connections") || !strings.Contains(hits[1].evidence, "max_user_client_connections") {
		t.Errorf("limits that are nearly reached: %+v", hits)
	}
}

// TestWhyAPoolIsStuck tells apart what looks alike in SHOW POOLS: clients that wait, and no server connection.
func TestWhyAPoolIsStuck(t *testing.T) {
	waits := stuckPool{known: true, waiting: 3}
	paused, known := waits, waits
	paused.paused, known.stateKnown = true, true
	full := waits
	full.servers, full.active = 2, 0
	for _, c := range []struct {
		name             string
		stuck            stuckPool
		change           func(*poolerFacts)
		evidence, remedy string
	}{
		{"paused", paused, nil, "PgBouncer is paused", "RESUME"},
		{"nobody can say", waits, nil, "most likely it is paused", "server_login_retry"},
		{"not paused", known, nil, "although it is not paused", "server_login_retry"},
		{"a pool of size 0", known, func(f *poolerFacts) { f.settings[defaultPoolSize] = "0" }, "default_pool_size is 0, which PgBouncer 1.18.0 treats as one", "SET default_pool_size = '20'"},
		{"a database's pool of size 0", waits, func(f *poolerFacts) { f.database = store.ConsoleRow{"pool_size": "0"} }, "pool_size of the database is 0", "RELOAD"},
		{"all databases together", full, func(f *poolerFacts) {
			f.database = store.ConsoleRow{"pool_size": "20", "max_connections": "8", "current_connections": "8"}
		}, "max_db_connections is reached: 8 of 8 connections to the database are open, 2 of them for this pool", "raise max_db_connections"},
	} {
		o, f := tunedPooler(release{1, 18, 0})
		f.stuck = c.stuck
		if c.change != nil {
			c.change(f)
		}
		f.setSize()
		if h := o.stuck(); !strings.Contains(h.evidence, c.evidence) || !strings.Contains(h.remedy, c.remedy) {
			t.Errorf("%s: %+v", c.name, h)
		}
	}
}

// statsRow is a row of SHOW STATS with these figures, in the order in which they are named.
func statsRow(names string, values ...string) store.ConsoleRow {
	r := store.ConsoleRow{}
	for i, name := range strings.Fields(names) {
		r[name] = values[i]
	}
	return r
}

// TestStatisticsByVersion: ten clients ran twenty statements of 50 ms each in a pool of one, on each version. A statement
// executed for 56 ms or 57 and waited for nine others; 1.18 has no average of that, although it shows one.
func TestStatisticsByVersion(t *testing.T) {
	const old = "total_xact_count total_query_count total_xact_time total_query_time total_wait_time avg_xact_count avg_wait_time"
	const young = old + " total_server_assignment_count"
	for _, c := range []struct {
		version                string
		before, after          store.ConsoleRow
		execMS, waitMS, recent float64
	}{
		{
			"1.18.0",
			statsRow(old, "896", "929", "2134260", "2113594", "46429958", "0", "3"),
			statsRow(old, "1096", "1129", "111679992", "111659326", "144513767", "1", "899340"),
			57, 490, -1,
		},
		{
			"1.24.1",
			statsRow(young, "891", "924", "2241138", "2200544", "81892", "0", "14495", "891"),
			statsRow(young, "1091", "1124", "105885103", "105844509", "92445301", "3", "459591", "1091"),
			56, 462, 460,
		},
		{
			"1.26.1",
			statsRow(young, "1486", "1543", "3153496", "3046047", "60465", "0", "3227", "1486"),
			statsRow(young, "1686", "1743", "105313392", "105205943", "91441498", "2", "454648", "1686"),
			54, 457, 455,
		},
	} {
		o := &observation{config: Config{AdminURL: "set"}, pooler: &pgServer{pooled: true}, ways: waysFacts{console: &poolerFacts{
			before: consoleMoment{known: true, stats: statsOf(c.before)}, after: consoleMoment{known: true, at: 10000, stats: statsOf(c.after)},
		}}}
		d, why := o.counted()
		if why != "" {
			t.Fatal(why)
		}
		if got := math.Round(d.executedMS() / float64(d.queries)); got != c.execMS {
			t.Errorf("%s: a statement executed for %v ms, want %v", c.version, got, c.execMS)
		}
		if got := math.Round(d.meanWaitMS()); got != c.waitMS {
			t.Errorf("%s: a transaction waited %v ms, want %v", c.version, got, c.waitMS)
		}
		if got := math.Round(d.recentWaitMS); got != c.recent {
			t.Errorf("%s: in the last minute one waited %v ms, want %v", c.version, got, c.recent)
		}
		if math.Round(d.lastedMS()) != math.Round(d.executedMS()) {
			t.Errorf("%s: single statements lasted %v ms and executed for %v", c.version, d.lastedMS(), d.executedMS())
		}
		o.ways.console.linked, o.ways.console.before.linked, o.ways.console.after.linked = []int{1}, 1, 1
		if hits := idleInPool(o).hits; len(hits) > 0 {
			t.Errorf("%s: a queue is taken for idle transactions: %+v", c.version, hits)
		}
	}
	busy := statsOf(statsRow(old, "1", "1", "1", "1", "1", "50", "1000000"))
	if busy.recentWaitMS != 20 {
		t.Errorf("50 transactions a second waited a second together: %v ms each", busy.recentWaitMS)
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
		o, f := tunedPooler(release{1, 26, 1})
		f.settings[c.setting] = c.value
		hits := poolerDrifted(o).hits
		if (len(hits) == 1) != c.found {
			t.Errorf("%s = %s: %+v", c.setting, c.value, hits)
			continue
		}
		if c.found && (hits[0].costMS != 785 || !strings.HasPrefix(hits[0].evidence, c.setting+" is "+c.value+" s;") || !strings.Contains(hits[0].evidence, "6 turns (785 ms)") || !strings.Contains(hits[0].remedy, "SET "+c.setting+" = '0'")) {
			t.Errorf("%s = %s: %+v", c.setting, c.value, hits[0])
		}
	}
	o, f := tunedPooler(release{1, 18, 0})
	delete(f.settings, "transaction_timeout") // as in a version that has none
	if hits := poolerDrifted(o).hits; len(hits) > 0 {
		t.Errorf("a setting that is not there drifted: %+v", hits)
	}
}

// TestIdleClientsWithoutAConsole: what was closed says so itself.
func TestIdleClientsWithoutAConsole(t *testing.T) {
	seen, counted, neither := &observation{}, &observation{target: &Target{Metrics: &TargetMetrics{Pool: PoolMetrics{IdleLimitS: 3.4}}}}, &observation{target: &Target{Metrics: &TargetMetrics{}}}
	seen.ways.closedAfter, seen.ways.closedFor = 3400*time.Millisecond, "client_idle_timeout"
	for _, o := range []*observation{seen, counted, neither} {
		o.pooler = &pgServer{pooled: true, endpoint: Endpoint{ConnectTurns: 6, ConnectMS: 785}}
		out := poolerDrifted(o)
		if o == neither {
			if !out.unknown {
				t.Errorf("nothing was seen: %+v", out)
			}
			continue
		}
		if len(out.hits) != 1 || out.hits[0].costMS != 785 || !strings.Contains(out.hits[0].evidence, "3.4 s idle (client_idle_timeout)") || out.hits[0].about[0] != "client_idle_timeout" {
			t.Errorf("%+v", out)
		}
	}
}

// TestACurveOfEachServer: no remedy names a setting with which the server would not start.
func TestACurveOfEachServer(t *testing.T) {
	for _, c := range []struct {
		server      pgServer
		has, hasNot string
	}{
		{pgServer{pooled: true, serverVersion: 150018}, "SET client_tls_ecdhcurve = 'auto'", "ssl_"},
		{pgServer{serverVersion: 180004}, "ssl_groups = 'X25519:prime256v1'", "ecdhcurve"},
		{pgServer{serverVersion: 170010}, "openssl s_client", "SET "},
	} {
		o := &observation{pooler: &c.server}
		if got := o.otherCurve(); !strings.Contains(got, c.has) || strings.Contains(got, c.hasNot) {
			t.Errorf("%+v: %s", c.server, got)
		}
	}
}
