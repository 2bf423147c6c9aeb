package collect

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
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
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
	if s.Failed != nil {
		t.Fatal(s.Failed)
	}
	defer s.close(t.Context())
	r := &reader{server: s, unread: map[string]*facts.Failure{}}
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
		watched <- watchServer(t.Context(), &pgClient{config: config, PGServer: &facts.PGServer{}}, time.Now(), 3*time.Second)
	}()
	for cut := false; !cut; time.Sleep(20 * time.Millisecond) {
		err := killer.QueryRow(t.Context(), `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%probe%' AND state = 'idle' AND backend_start < now() - interval '700 ms'`).Scan(&cut)
		if err != nil {
			t.Fatal(err)
		}
	}
	o := &facts.Observation{Server: (<-watched).ServerFacts}
	if len(o.Server.Samples) < 1 || o.Server.Why(facts.ReadActivity) != "" {
		t.Fatalf("%d looks are left; why: %s", len(o.Server.Samples), o.Server.Why(facts.ReadActivity))
	}
	for name, run := range map[string]func(*facts.Observation) check.Outcome{"HD-D04": check.LockChains, "HD-D05": check.IdleTransactions, "HD-D14": check.Asleep} {
		if out := run(o); out.Unknown {
			t.Errorf("%s is unknown: %s", name, out.Why)
		}
	}
	if out := check.CacheHit(o); !out.Unknown {
		t.Errorf("HD-D11 is judged without the window's end: %+v", out)
	}
}

// TestFileCacheIsRead reads a view with the columns that Neon documents, wherever its extension lies; the lab has none.
func TestFileCacheIsRead(t *testing.T) {
	r := openReader(t.Context(), &pgClient{config: connectionTo(t, labtest.Database(t, nil).DirectURL), PGServer: &facts.PGServer{}})
	defer r.server.close(context.WithoutCancel(t.Context()))
	for _, view := range []string{"SELECT 7::bigint AS file_cache_misses, 93::bigint AS file_cache_hits", "SELECT NULL::bigint AS file_cache_misses, NULL::bigint AS file_cache_hits"} {
		if _, err := r.server.conn.Exec(t.Context(), `CREATE SCHEMA IF NOT EXISTS "its own"; CREATE OR REPLACE VIEW "its own".neon_stat_file_cache AS `+view, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
		var cache facts.FileCacheCounters
		var extensions facts.ExtensionFacts
		r.read(t.Context(), reading{facts.ReadFileCache, fileCacheSQL("its own"), &cache}, reading{facts.ReadExtensions, extensionsSQL, &extensions})
		if len(r.unread) > 0 {
			t.Fatal(r.unread)
		}
		if counts := strings.Contains(view, "93"); cache.Known() != counts || counts && (*cache.Hits != 93 || *cache.Misses != 7) {
			t.Errorf("%s gives %+v", view, cache)
		}
		if extensions.Neon() || extensions.NeonSchema != "" {
			t.Errorf("the lab is taken for Neon: %+v", extensions)
		}
	}
}

// TestWhatIsShown: names are let through, values are not.
func TestWhatIsShown(t *testing.T) {
	for name, want := range map[string]bool{
		"honeydue": true, "psql": true, "PostgreSQL JDBC Driver": true, "DBeaver 24.1": true, "pg_dump": true, "pgbouncer/1.18": true, "honeydue-warmup": true,
		"": false, "anna@example.com": false, "user 948271635": false, "job for Anna O'Name": false, strings.Repeat("x", 60): false,
	} {
		if facts.HarmlessApp(name) != want {
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

// TestWindowOnlyIfAskedFor: who asks for one check does not wait for the others' evidence.
func TestWindowOnlyIfAskedFor(t *testing.T) {
	for _, c := range []struct {
		config facts.Config
		want   time.Duration
	}{
		{facts.Config{}, facts.DefaultWindow},
		{facts.Config{Only: []string{"HD-N01"}}, 0},
		{facts.Config{Only: []string{"HD-K01"}}, facts.DefaultWindow},
		{facts.Config{Only: []string{"HD-D08"}, Window: time.Second}, time.Second},
		{facts.Config{Window: -1}, 0},
	} {
		if got := window(c.config, &facts.Observation{Config: c.config}); got != c.want {
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
	var s facts.KeySample
	weigh(t.Context(), &s, c, []string{"list:1.tasks:1", "list:1.tasks:2", cache.StateKey(cache.UserScope(1))})
	if !slices.Equal(s.Lists, []string{"list:1.tasks:1"}) || s.Looked != 3 {
		t.Errorf("of %d keys these copies are judged: %v", s.Looked, s.Lists)
	}
}
