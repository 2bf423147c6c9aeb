package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// A pooler that has four server connections, in front of a database that holds each for 10 ms and more a read (a row
// policy that sleeps, so that no CPU is the limit), is named as what the capacity is limited by. The app's own pool of
// 25 is full as well, as it waits for the pooler: it is not what is named.
func TestASmallPoolerIsNamedAsTheLimit(t *testing.T) {
	l := labtest.New(t, lab.Config{PoolSize: 4})
	env, err := l.CreateDatabase(t.Context(), "limited", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context(), env.DirectURL); err != nil {
		t.Fatal(err)
	}
	users := seeded(t, env, 60)
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"ALTER TABLE auth_tokens ENABLE ROW LEVEL SECURITY", "ALTER TABLE auth_tokens FORCE ROW LEVEL SECURITY",
		"CREATE POLICY slow ON auth_tokens USING ((SELECT pg_sleep(0.005)) IS NOT NULL)",
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	layer, mix := openLayer(t, store.Config{URL: env.DatabaseURL, MaxConns: 25, MinIdleConns: 25})
	base, _ := ParseTarget("http://127.0.0.1")
	o := CapacityOptions{Start: 200, Max: 800, Step: 2 * time.Second}
	plan, err := CapacityPlan(PlanOptions{P99: 600 * time.Millisecond}, o, true)
	if err != nil {
		t.Fatal(err)
	}
	plan.Phases[0].Name, plan.Phases[0].State = PhaseDB, AnyState
	sampler := openSampler(t, SamplerConfig{
		Console: SourceAt{URL: env.AdminURL}, Statements: SourceAt{URL: env.DirectURL}, Database: "limited",
	})
	r, err := FindCapacity(t.Context(), Config{
		Target: "the database", Hitter: newHitter(t, HitterConfig{Base: base, Transport: layer}), Plan: plan, Mix: mix, Users: users,
		Sampler: sampler, canaryFor: 50 * time.Millisecond,
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Capacity
	t.Logf("%s; %s", c.Summary, c.Evidence)
	for _, s := range c.Steps {
		t.Logf("%s at %v/s: %s, p99 %v ms", s.Kind, s.RPS, s.Verdict, s.P99MS)
	}
	if c.LimitedBy != "pooler connections" || !strings.Contains(c.Evidence, "all 4 server connections of the pooler were busy") {
		t.Errorf("limited by %q: %q", c.LimitedBy, c.Evidence)
	}
	// How high the ceiling is, and whether it held when it was measured again, is this machine's affair.
	if (r.Verdict != Pass && r.Verdict != Fail) || !strings.HasSuffix(c.Summary, "limited by pooler connections") {
		t.Errorf("verdict %s: %s", r.Verdict, c.Summary)
	}
}
