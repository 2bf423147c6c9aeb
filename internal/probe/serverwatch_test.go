package probe

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// opened is the direct endpoint, as the probe opens it.
func opened(t *testing.T, url string) *pgClient {
	s := newPG(t.Context(), "direct", url)
	s.open(t.Context(), nil)
	return s
}

// TestReadingsFailAlone: a view that is missing takes no other reading away, a reading can't write, and the
// connection is free afterwards.
func TestReadingsFailAlone(t *testing.T) {
	s := opened(t, labtest.Database(t, nil).DirectURL)
	if s.failed != nil {
		t.Fatal(s.failed)
	}
	defer s.close(t.Context())
	r := &reader{server: s, unread: map[string]*failure{}}
	var one, three, four int
	before := s.turns()
	r.read(t.Context(), reading{"one", "SELECT 1", &one}, reading{"two", "SELECT x FROM nowhere", new(int)},
		reading{"three", "SELECT 3", &three}, reading{"writing", "CREATE TABLE canary (id int)", new(int)},
		reading{"slow", "SELECT pg_sleep(9)::text", new(int)}, reading{"four", "SELECT 4", &four})
	if one != 1 || three != 3 || four != 4 {
		t.Errorf("the readings gave %d, %d and %d", one, three, four)
	}
	for name, code := range map[string]string{"two": "42P01", "writing": "25006", "slow": "no answer came in time"} {
		if f := r.unread[name]; f == nil || !strings.Contains(f.Error(), code) {
			t.Errorf("%s: %v, want %s", name, f, code)
		}
	}
	// Four messages, and a ROLLBACK after each of the three that failed.
	if turns := s.turns() - before; turns != 7 {
		t.Errorf("it took %d turns, want 7", turns)
	}
	before = s.turns()
	r.read(t.Context(), reading{"one", "SELECT 1", &one}, reading{"three", "SELECT 3", &three})
	if turns := s.turns() - before; turns != 1 || r.serverMS <= 0 {
		t.Errorf("two readings took %d turns, want 1; the server spent %v ms", turns, r.serverMS)
	}
}

// TestALostLookKeepsTheOthers cuts the watching connection in the middle of its window: what it has seen until then is
// judged, and the rates that need its end are unknown.
func TestALostLookKeepsTheOthers(t *testing.T) {
	env := labtest.Database(t, nil)
	config, err := pgx.ParseConfig(env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	killer, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer killer.Close(t.Context())
	watched := make(chan *serverWatch, 1)
	go func() {
		watched <- watchServer(t.Context(), &pgClient{config: config, pgServer: &pgServer{}}, time.Now(), 3*time.Second)
	}()
	for cut := false; !cut; time.Sleep(20 * time.Millisecond) {
		err := killer.QueryRow(t.Context(), `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%probe%' AND state = 'idle' AND backend_start < now() - interval '700 ms'`).Scan(&cut)
		if err != nil {
			t.Fatal(err)
		}
	}
	o := &observation{server: (<-watched).serverFacts}
	if len(o.server.samples) < 1 || o.server.why(readActivity) != "" {
		t.Fatalf("%d looks are left; why: %s", len(o.server.samples), o.server.why(readActivity))
	}
	for name, run := range map[string]func(*observation) outcome{"HD-D04": lockChains, "HD-D05": idleTransactions, "HD-D14": asleep} {
		if out := run(o); out.unknown {
			t.Errorf("%s is unknown: %s", name, out.why)
		}
	}
	if out := cacheHit(o); !out.unknown {
		t.Errorf("HD-D11 is judged without the window's end: %+v", out)
	}
}

// TestFileCacheIsRead reads a view with the columns that Neon documents, wherever its extension lies; the lab has none.
func TestFileCacheIsRead(t *testing.T) {
	r := openReader(t.Context(), &pgClient{config: connectionTo(t, labtest.Database(t, nil).DirectURL), pgServer: &pgServer{}})
	defer r.server.close(context.WithoutCancel(t.Context()))
	for _, view := range []string{"SELECT 7::bigint AS file_cache_misses, 93::bigint AS file_cache_hits", "SELECT NULL::bigint AS file_cache_misses, NULL::bigint AS file_cache_hits"} {
		if _, err := r.server.conn.Exec(t.Context(), `CREATE SCHEMA IF NOT EXISTS "its own"; CREATE OR REPLACE VIEW "its own".neon_stat_file_cache AS `+view, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
		var cache fileCacheCounters
		var extensions extensionFacts
		r.read(t.Context(), reading{readFileCache, fileCacheSQL("its own"), &cache}, reading{readExtensions, extensionsSQL, &extensions})
		if len(r.unread) > 0 {
			t.Fatal(r.unread)
		}
		if counts := strings.Contains(view, "93"); cache.known() != counts || counts && (*cache.Hits != 93 || *cache.Misses != 7) {
			t.Errorf("%s gives %+v", view, cache)
		}
		if extensions.neon() || extensions.NeonSchema != "" {
			t.Errorf("the lab is taken for Neon: %+v", extensions)
		}
	}
}

func TestChains(t *testing.T) {
	a := activity{Sessions: []pgSession{
		{PID: 1, State: "idle in transaction"},
		{PID: 2, Blockers: []int64{1}, WaitsS: 3},
		{PID: 3, Blockers: []int64{2, 1}, WaitsS: 2},
		{PID: 4, Blockers: []int64{9}, WaitsS: 1}, // of another database, or a prepared transaction
		{PID: 5, Blockers: []int64{6}, WaitsS: 0.1},
		{PID: 6, Blockers: []int64{5}, WaitsS: 0.1}, // a deadlock, which Postgres has not ended yet
	}}
	got := a.chains()
	if len(got) < 3 {
		t.Fatalf("%d chains: %+v", len(got), got)
	}
	if c := got[0]; c.root.PID != 1 || len(c.waiting) != 2 || c.longest != 3 || c.deep != 2 || !c.known {
		t.Errorf("the first chain is %+v", c)
	}
	if c := got[1]; c.root.PID != 9 || c.known {
		t.Errorf("the second chain is %+v", c)
	}
}

func TestWaitsAreAveraged(t *testing.T) {
	one := activity{Sessions: []pgSession{
		{State: "active", WaitType: "IO", Wait: "DataFileRead"},
		{State: "active", WaitType: "IO", Wait: "DataFileRead"},
		{State: "active", WaitType: "Lock", Wait: "tuple"},
		{State: "active", WaitType: "Timeout", Wait: "PgSleep"},
		{State: "idle in transaction", WaitType: "Client", Wait: "ClientRead"},
	}}
	busy, events := sumWaits([]activity{one, {}})
	if busy != 2 || len(events) != 1 || events[0] != (waitShare{"IO:DataFileRead", 1}) {
		t.Errorf("%v sessions were busy, waiting for %+v", busy, events)
	}
}

func watched(f serverFacts) *observation {
	f.window = 5 * time.Second
	return &observation{server: &f}
}

// TestServerThresholds judges what the lab can't be brought to.
func TestServerThresholds(t *testing.T) {
	replica := func(lag float64) *observation {
		var r replicationFacts
		r.Followers = append(r.Followers, struct {
			App         string   `json:"app"`
			State       string   `json:"state"`
			LagS        *float64 `json:"lag_s"`
			BehindBytes *float64 `json:"behind_bytes"`
		}{"walreceiver", "streaming", &lag, new(float64(300 << 20))})
		return watched(serverFacts{replication: r})
	}
	slot := func(active bool) *observation {
		var r replicationFacts
		r.Slots = append(r.Slots, struct {
			Active    bool     `json:"active"`
			KeptBytes *float64 `json:"kept_bytes"`
		}{active, new(float64(2 << 30))})
		return watched(serverFacts{replication: r})
	}
	hidden := replica(0)
	hidden.server.replication.Followers[0].State = "hidden"
	ids := func(age float64) *observation { return watched(serverFacts{limits: limitFacts{XIDAge: age}}) }
	blocks := func(hits, read float64) *observation {
		return watched(serverFacts{last: databaseCounters{Hit: hits, Read: read, CountedS: 10}})
	}
	onNeon := func(o *observation, schema string) *observation {
		o.server.extensions = extensionFacts{Offered: []string{"neon"}, NeonSchema: schema}
		return o
	}
	cached := func(hits, misses float64) *observation {
		o := onNeon(blocks(30_000, 20_000), "neon")
		o.server.firstCache = fileCacheCounters{new(float64(0)), new(float64(0))}
		o.server.lastCache = fileCacheCounters{&hits, &misses}
		return o
	}
	hour := cached(900, 100)
	hour.server.last.CountedS = 7200
	old := blocks(900, 100)
	old.server.first, old.server.last.CountedS = old.server.last, 7200
	for _, c := range []struct {
		name  string
		o     *observation
		check func(*observation) outcome
		want  string // of the evidence; empty for a pass
	}{
		{"a young server's ids", ids(2e8), transactionIDs, ""},
		{"half of the ids", ids(1.2e9), transactionIDs, "1200 million transactions old"},
		{"a replica that has caught up", replica(0.1), replicationLag, ""},
		{"a replica behind", replica(40), replicationLag, "40 s and 300.0 MB behind"},
		{"a slot in use", slot(true), replicationLag, ""},
		{"a slot left behind", slot(false), replicationLag, "2048.0 MB"},
		{"cold reads", blocks(30_000, 20_000), cacheHit, "60.0% of the blocks came from memory"},
		{"few cold reads of a young server", blocks(0, 5000), cacheHit, ""},
		{"an hour of cold reads", old, cacheHit, "90.0%"},
		{"cold reads on Neon, of whatever", onNeon(blocks(30_000, 20_000), ""), cacheHit, "20000 from the compute's local file cache or the page server"},
		{"reads of the local file cache", cached(20_000, 0), cacheHit, ""},
		{"few from the page server", cached(0, 5000), cacheHit, ""},
		{"reads of the page server", cached(10_000, 10_000), cacheHit, "50.0% of the pages missing from shared_buffers came from the compute's local file cache and 10000 from the page server"},
		{"an hour of the page server", hour, cacheHit, "Since the compute started, 90.0%"},
	} {
		got := c.check(c.o)
		switch {
		case got.unknown:
			t.Errorf("%s is unknown: %s", c.name, got.why)
		case c.want == "" && len(got.hits) > 0:
			t.Errorf("%s finds %+v", c.name, got.hits)
		case c.want != "" && (len(got.hits) != 1 || !strings.Contains(got.hits[0].evidence, c.want)):
			t.Errorf("%s finds %+v, want %q", c.name, got.hits, c.want)
		}
	}
	if got := cacheHit(onNeon(blocks(30_000, 20_000), "")).hits[0]; got.severity != Info || !strings.Contains(got.remedy, "\nCREATE EXTENSION neon;") {
		t.Errorf("what can't be told apart is no remark: %+v", got)
	}
	if got := cacheHit(onNeon(blocks(30_000, 20_000), "neon")); !got.unknown {
		t.Errorf("a compute without a cache is judged: %+v", got)
	}
	if got := replicationLag(hidden); !got.unknown {
		t.Errorf("a replica that can't be seen is no pass: %+v", got)
	}
	if got := ids(1.7e9); transactionIDs(got).hits[0].severity != Critical {
		t.Error("1.7 billion ids are not critical")
	}
}

func TestStatementsSince(t *testing.T) {
	before := statementCounts{Ours: []statementCount{{"auth_lookup", 10, 5}, {"task_board", 90, 900}}, Others: statementCount{Calls: 5, MS: 50}}
	after := statementCounts{Ours: []statementCount{{"auth_lookup", 30, 45}, {"task_board", 1, 1}}, Others: statementCount{Calls: 6, MS: 70}}
	got := after.since(before)
	if len(got.Ours) != 1 || got.Ours[0] != (statementCount{"auth_lookup", 20, 40}) || got.Others.MS != 20 {
		t.Errorf("it counts %+v", got)
	}
}

// TestWhatIsShown: names are let through, values are not.
func TestWhatIsShown(t *testing.T) {
	for name, want := range map[string]bool{
		"honeydue": true, "psql": true, "PostgreSQL JDBC Driver": true, "DBeaver 24.1": true, "pg_dump": true, "pgbouncer/1.18": true, "honeydue-warmup": true,
		"": false, "anna@example.com": false, "user 948271635": false, "job for Anna O'Name": false, strings.Repeat("x", 60): false,
	} {
		if harmlessApp(name) != want {
			t.Errorf("application_name %q is shown: %v", name, !want)
		}
	}
	for key, want := range map[string]string{
		"list:1.tasks:7": "list:tasks:<id>", cache.StateKey(cache.UserScope(7)): "state:<id>", "token:deadbeef": "token:<id>", cache.SharedKey: cache.SharedKey,
		"list:anna:7": "list:<id>", "list:1.anna:7": "list:<id>", "queue": "<another kind>", "annaoname": "<another kind>", "Anna O'Name": "<another kind>",
		"session:anna@example.com": "<another kind>", "residence_ids_user:7": "residence_ids_user:<id>", "at:task7": "at:<id>", ":x": "<another kind>",
	} {
		if got := keyPattern(key); got != want {
			t.Errorf("the key %q is shown as %q, want %q", key, got, want)
		}
	}
	for word, want := range map[string]string{"eval": "EVAL", "get anna": "a command", "": "a command", "4711": "a command"} {
		if got := commandName(word); got != want {
			t.Errorf("the command %q is shown as %q, want %q", word, got, want)
		}
	}
	doctor := "Sam, I detected a few issues in this Redis instance memory implants:\n\n * Peak memory: In the past this instance used more than 150% the memory.\n\n * High allocator fragmentation: see token deadbeef\n\nI'm here to keep you safe, Sam."
	if got := complaints(doctor); strings.Join(got, ";") != "Peak memory;High allocator fragmentation" {
		t.Errorf("the doctor's complaints are %q", got)
	}
	if got := complaints("Hi Sam, I can't find any memory issue in your instance.\n"); len(got) != 0 {
		t.Errorf("a healthy instance has %q", got)
	}
}

// TestHiddenSessionsAreNoPass: a role that may not see what others do can't say that nobody waits.
func TestHiddenSessionsAreNoPass(t *testing.T) {
	hidden := activity{Held: []heldBy{{State: hiddenState, N: 2, OfDatabase: 2}}}
	o := watched(serverFacts{samples: []activity{hidden, hidden, hidden}})
	for name, check := range map[string]func(*observation) outcome{
		"lock chains": lockChains, "idle": idleTransactions, "long": longTransactions, "waits": waitEvents,
	} {
		if got := check(o); !got.unknown || !strings.Contains(got.why, "pg_monitor") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	elsewhere := activity{Held: []heldBy{{State: hiddenState, N: 2}}}
	if got := lockChains(watched(serverFacts{samples: []activity{elsewhere}})); got.unknown {
		t.Errorf("sessions of another database hide nothing: %s", got.why)
	}
}

// TestWindowOnlyIfAskedFor: who asks for one check does not wait for the others' evidence.
func TestWindowOnlyIfAskedFor(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   time.Duration
	}{
		{Config{}, DefaultWindow},
		{Config{Only: []string{"HD-N01"}}, 0},
		{Config{Only: []string{"HD-K01"}}, DefaultWindow},
		{Config{Only: []string{"HD-D08"}, Window: time.Second}, time.Second},
		{Config{Window: -1}, 0},
	} {
		if got := c.config.window(&observation{config: c.config}); got != c.want {
			t.Errorf("%+v: the window is %v, want %v", c.config, got, c.want)
		}
	}
}

// TestCopiesThatNobodyUsesAreNotJudged: what was not asked for within an hour is evicted in any order, versions or copies first.
func TestCopiesThatNobodyUsesAreNotJudged(t *testing.T) {
	opts, err := redis.ParseURL(labtest.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opts)
	t.Cleanup(func() { c.Close() })
	if err := c.Set(t.Context(), "list:1.tasks:1", "copy", 0).Err(); err != nil {
		t.Fatal(err)
	}
	dump := c.Dump(t.Context(), "list:1.tasks:1").Val()
	if err := c.Do(t.Context(), "RESTORE", "list:1.tasks:2", 0, dump, "IDLETIME", int(usedLately.Seconds())).Err(); err != nil {
		t.Fatal(err)
	}
	var s keySample
	s.weigh(t.Context(), c, []string{"list:1.tasks:1", "list:1.tasks:2", cache.StateKey(cache.UserScope(1))})
	if !slices.Equal(s.lists, []string{"list:1.tasks:1"}) || s.looked != 3 {
		t.Errorf("of %d keys these copies are judged: %v", s.looked, s.lists)
	}
}
