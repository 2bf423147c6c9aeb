package collect

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
