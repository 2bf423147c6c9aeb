package check

import (
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestRegistryRemediesAreCommands: prose can't be pasted. A check without a remedy makes one up in each of its hits.
func TestRegistryRemediesAreCommands(t *testing.T) {
	for _, c := range Registry() {
		first, _, _ := strings.Cut(c.remedy, " ")
		switch first {
		case "", "psql", "kubectl", "redis-cli", "honeydue", "openssl", "nstat", "mtr", "sysctl":
		default:
			t.Errorf("the remedy of %s is no command: %q", c.Code, c.remedy)
		}
	}
}

// TestSeverityFollowsCost: what costs a request as much as a target leaves it is critical, whatever the check.
func TestSeverityFollowsCost(t *testing.T) {
	for _, c := range []struct {
		check, hit facts.Severity
		costMS     float64
		outage     bool
		want       facts.Severity
	}{
		{facts.Warning, "", missedMS - 1, false, facts.Warning},
		{facts.Warning, "", missedMS, false, facts.Critical},
		{facts.Warning, "", 0, true, facts.Critical},
		{facts.Warning, facts.Warning, 400, false, facts.Warning}, // the check knows better
		{facts.Info, "", 400, false, facts.Info},
		{facts.Warning, facts.Info, 400, false, facts.Info},
		{facts.Critical, "", 0, false, facts.Critical},
	} {
		_, findings := Judge([]Check{{Code: "A", severity: c.check, outage: c.outage, run: func(*facts.Observation) Outcome {
			return found(hit{severity: c.hit, CostMS: c.costMS})
		}}}, &facts.Observation{}, nil, nil)
		if got := findings[0].Severity; got != c.want {
			t.Errorf("%+v is %s", c, got)
		}
	}
}

// TestARemedyOfSQLStopsAtAFailure: an index must not be dropped when its successor was not built.
func TestARemedyOfSQLStopsAtAFailure(t *testing.T) {
	h := hit{}.mendedBy("CREATE INDEX CONCURRENTLY a_new ON a (b);\nDROP INDEX CONCURRENTLY a;   -- the wrong one")
	if !strings.Contains(h.Remedy, "ON_ERROR_STOP=1") || len(h.sql) != 2 || h.sql[1] != "DROP INDEX CONCURRENTLY a" {
		t.Errorf("%+v", h)
	}
}

// TestDriftedDatabaseURL: the URL is a secret, and a pooler that proved itself may be called as it likes.
func TestDriftedDatabaseURL(t *testing.T) {
	setting := facts.Setting{Name: "DATABASE_URL", Value: "postgres://canary-user:*****@db/x?sslrootcert=%2Fcanary", Tuned: "a host named *-pooler", Drifted: true}
	o := &facts.Observation{Config: facts.Config{Settings: []facts.Setting{setting, {Name: "HONEYDUE_ABLATE", Value: "S2", Drifted: true}}}, Pooler: &facts.PGServer{}}
	out := drifted(o)
	if len(out.Hits) != 2 {
		t.Fatalf("%+v", out)
	}
	if h := out.Hits[0]; strings.Contains(h.Evidence+h.Remedy, "canary") || strings.Contains(h.Remedy, "DATABASE_URL=") || h.Remedy != findPooler {
		t.Errorf("%+v", h)
	}
	if h := out.Hits[1]; !strings.HasPrefix(h.Remedy, "kubectl -n honeydue set env deployment/honeydue HONEYDUE_ABLATE-   #") {
		t.Errorf("%+v", h)
	}
	o.Pooler.Pooled = true
	if out := drifted(o); len(out.Hits) != 1 || out.Hits[0].about[0] != "HONEYDUE_ABLATE" {
		t.Errorf("behind a proved pooler it finds %+v", out)
	}
}

// TestBloatIsMendedBySQL: so that it can be pasted, and a trial can run it.
func TestBloatIsMendedBySQL(t *testing.T) {
	o := &facts.Observation{Server: &facts.ServerFacts{}}
	o.Server.Tables = []facts.TableSpace{{Name: "tasks", Bytes: 100 << 20, Rows: 1000, Width: 50}}
	out := bloat(o)
	if len(out.Hits) != 1 || len(out.Hits[0].sql) != 2 || out.Hits[0].sql[1] != `VACUUM (FULL, ANALYZE) "tasks"` || strings.Contains(out.Hits[0].Remedy, "<host>") {
		t.Errorf("%+v", out)
	}
}

// TestThrownAwayRowsPriceAnIndex: where another index serves instead of the missing one, what it reads in vain is the price.
func TestThrownAwayRowsPriceAnIndex(t *testing.T) {
	plan := &facts.Plan{ExecutionMS: 3, Root: facts.Node{Type: "Bitmap Heap Scan", Relation: "tasks", ActualTotal: 2, ActualLoops: 1, ActualRows: 100, RemovedByFilter: 1900}}
	o := &facts.Observation{
		Hot:      []facts.HotPath{{Name: "task_board", Subject: "heavy", Plan: plan, S14: facts.S14Verdict{LimitMS: 8}, ExecutionMS: 3}},
		Expected: []store.Index{{Name: "tasks_board_idx", Table: "tasks", DDL: "CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_board_idx ON tasks (residence_id);"}},
		Schema:   &facts.SchemaFacts{Indexes: map[string]bool{}, Rows: map[string]float64{"tasks": 5000}},
		Promises: map[string]facts.Promise{"tasks_board_idx": {Who: "task_board for the heavy user", Before: 1081, After: 572}},
	}
	out := missingIndex(o)
	if len(out.Hits) != 1 || out.Hits[0].CostMS < 1.89 || out.Hits[0].CostMS > 1.91 || out.Hits[0].severity != facts.Critical {
		t.Fatalf("%+v", out)
	}
	want := "tasks_board_idx on tasks does not exist (with it, the planner's cost estimate for task_board for the heavy user would fall to 53%, according to HypoPG); task_board for the heavy user is slower because of it."
	if got := out.Hits[0].Evidence; got != want {
		t.Errorf("the evidence is %q, want %q", got, want)
	}
}
