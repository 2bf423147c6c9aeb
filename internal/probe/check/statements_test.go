package check

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// ran is a hot path that was executed in that time.
func ran(ms float64, p *facts.Plan) facts.HotPath {
	p.ExecutionMS = ms
	return facts.HotPath{
		Name: "task_board", Subject: "heavy", Plan: p, ExecutionMS: ms, PlanHash: p.Hash(), Access: p.Access(),
		FirstRun: &facts.FirstRun{ExecutionMS: ms}, S14: facts.S14Verdict{Status: facts.Pass, LimitMS: facts.S14HeavyMS},
	}
}

// judged is what a check found: its severity and cost, or nothing.
func judged(t *testing.T, code string, o *facts.Observation) (facts.Severity, float64, string) {
	t.Helper()
	for _, c := range Registry() {
		if c.Code != code {
			continue
		}
		out := c.run(o)
		if out.Unknown {
			return "unknown", 0, out.Why
		}
		if len(out.Hits) == 0 {
			return "", 0, out.Why
		}
		h := out.Hits[0]
		if h.severity == "" {
			h.severity = c.severity
		}
		return h.severity, h.CostMS, h.Evidence
	}
	t.Fatalf("there is no check %s", code)
	return "", 0, ""
}

// TestStatementChecks: each rule is a finding where a request pays, a remark where it does not notice, and
// unknown where nothing was run.
func TestStatementChecks(t *testing.T) {
	with := func(h facts.HotPath, change func(*facts.HotPath)) *facts.Observation {
		if change != nil {
			change(&h)
		}
		return &facts.Observation{Hot: []facts.HotPath{h}, Facts: &facts.DatabaseFacts{SessionFacts: facts.SessionFacts{PlanCacheMode: "auto", WorkMemKB: 4096}}, Config: facts.Config{Baseline: &facts.Result{}}}
	}
	estimate := func(h *facts.HotPath) { h.FirstRun = nil }
	for _, c := range []struct {
		name, code string
		o          *facts.Observation
		severity   facts.Severity
		cost       float64
	}{
		{"a misestimate that breaks S14", "HD-Q12", with(ran(20, planOf(t, "misestimate")), nil), facts.Warning, 12},
		{"a misestimate that nobody notices", "HD-Q12", with(ran(2, planOf(t, "misestimate")), nil), facts.Info, 0},
		{"a good estimate", "HD-Q12", with(ran(20, planOf(t, "index_only")), nil), "", 0},
		{"an estimate is no evidence", "HD-Q12", with(ran(2, planOf(t, "index_only")), estimate), "unknown", 0},
		{"a spill", "HD-Q11", with(ran(500, planOf(t, "sort_on_disk")), nil), facts.Warning, 492},
		{"no spill", "HD-Q11", with(ran(20, planOf(t, "misestimate")), nil), "", 0},
		{"rows thrown away", "HD-Q13", with(ran(500, planOf(t, "rows_discarded")), nil), facts.Warning, 492},
		{"heap fetches", "HD-Q14", with(ran(500, planOf(t, "heap_fetches")), nil), facts.Warning, 492},
		{"a cold first run", "HD-Q15", with(ran(3, planOf(t, "index_only")), func(h *facts.HotPath) {
			h.FirstRun = &facts.FirstRun{ExecutionMS: 43, HitBlocks: 10, ReadBlocks: 1000}
		}), facts.Warning, 40},
		{"a cold first run as fast as the others", "HD-Q15", with(ran(3, planOf(t, "index_only")), func(h *facts.HotPath) {
			h.FirstRun = &facts.FirstRun{ExecutionMS: 3.5, HitBlocks: 10, ReadBlocks: 1000}
		}), facts.Info, 0},
		{"planning that costs something", "HD-Q16", with(ran(2, planOf(t, "index_only")), func(h *facts.HotPath) { h.PlanningMS = 12 }), facts.Warning, 7},
		{"planning longer than execution, and short", "HD-Q16", with(ran(0.1, planOf(t, "index_only")), func(h *facts.HotPath) { h.PlanningMS = 4.9 }), "", 0},
		{"long planning, longer execution", "HD-Q16", with(ran(30, planOf(t, "index_only")), func(h *facts.HotPath) { h.PlanningMS = 12 }), "", 0},
		{"a generic plan ten times as dear", "HD-Q10", with(ran(2, planOf(t, "misestimate")), func(h *facts.HotPath) {
			h.GenericPlan = &facts.Plan{Root: facts.Node{TotalCost: h.Plan.Root.TotalCost * 11}}
		}), facts.Info, 0},
		{"a generic plan twice as dear", "HD-Q10", with(ran(2, planOf(t, "misestimate")), func(h *facts.HotPath) {
			h.GenericPlan = &facts.Plan{Root: facts.Node{TotalCost: h.Plan.Root.TotalCost * 2}}
		}), "", 0},
		{"no generic plan", "HD-Q10", with(ran(2, planOf(t, "misestimate")), nil), "unknown", 0},
	} {
		severity, cost, why := judged(t, c.code, c.o)
		if severity != c.severity || cost < c.cost-0.001 || cost > c.cost+0.001 {
			t.Errorf("%s: %s is %q and costs %v, want %q and %v: %s", c.name, c.code, severity, cost, c.severity, c.cost, why)
		}
	}
	forced := with(ran(2, planOf(t, "misestimate")), nil)
	forced.Facts.PlanCacheMode = "force_generic_plan"
	if severity, _, _ := judged(t, "HD-Q10", forced); severity != facts.Warning {
		t.Errorf("a forced generic plan is %q", severity)
	}
}

func TestPlanDrift(t *testing.T) {
	before := ran(2, planOf(t, "misestimate"))
	drift := func(now facts.HotPath) (facts.Severity, float64, string) {
		return judged(t, "HD-Q17", &facts.Observation{Hot: []facts.HotPath{now}, Config: facts.Config{Baseline: &facts.Result{HotPaths: []facts.HotPath{before}}}})
	}
	if severity, _, why := drift(ran(50, planOf(t, "misestimate"))); severity != "" {
		t.Errorf("the same shape is %q: %s", severity, why)
	}
	if severity, cost, why := drift(ran(50, planOf(t, "heap_fetches"))); severity != facts.Warning || cost != 48 || !strings.Contains(why, before.PlanHash) {
		t.Errorf("another, slower plan is %q and costs %v: %s", severity, cost, why)
	}
	if severity, _, _ := drift(ran(1, planOf(t, "heap_fetches"))); severity != facts.Info {
		t.Errorf("another, faster plan is %q", severity)
	}
	other := ran(1, planOf(t, "heap_fetches"))
	other.Subject = "median"
	if severity, _, _ := drift(other); severity != "unknown" {
		t.Errorf("a plan that the baseline lacks is %q", severity)
	}
}

func TestNeedlessIndexes(t *testing.T) {
	judge := func(counted time.Duration, more facts.IndexDefinition) (facts.Severity, string) {
		o := &facts.Observation{
			Expected: []store.Index{{Name: "tasks_board_idx", Table: "tasks"}},
			Facts: &facts.DatabaseFacts{
				Tables: map[string]facts.TableFacts{"tasks": {}}, CountedFor: counted,
				Indexes: []facts.IndexDefinition{{Name: "tasks_board_idx", Table: "tasks", Key: "(a)", Valid: true}, more},
			},
		}
		severity, _, why := judged(t, "HD-Q18", o)
		return severity, why
	}
	day := 24 * time.Hour
	for _, c := range []struct {
		name    string
		counted time.Duration
		index   facts.IndexDefinition
		want    facts.Severity
	}{
		{"a copy", 0, facts.IndexDefinition{Name: "copy", Table: "tasks", Key: "(a)", Valid: true, Scans: 9}, facts.Warning},
		{"an unused one after a week", 8 * day, facts.IndexDefinition{Name: "other", Table: "tasks", Key: "(b)"}, facts.Info},
		{"an unused one after an hour", time.Hour, facts.IndexDefinition{Name: "other", Table: "tasks", Key: "(b)"}, ""},
		{"a used one", 8 * day, facts.IndexDefinition{Name: "other", Table: "tasks", Key: "(b)", Scans: 1}, ""},
		{"one of a constraint", 8 * day, facts.IndexDefinition{Name: "other", Table: "tasks", Key: "(b)", Constraint: true}, ""},
		{"one of a table of somebody else's", 8 * day, facts.IndexDefinition{Name: "other", Table: "theirs", Key: "(b)"}, ""},
	} {
		if got, why := judge(c.counted, c.index); got != c.want {
			t.Errorf("%s is %q, want %q: %s", c.name, got, c.want, why)
		}
	}
}

// TestABuildIsWaitedFor: what is being built is no DDL of another finding, and where the role can't see what somebody
// builds, the remedy says so.
func TestABuildIsWaitedFor(t *testing.T) {
	o := &facts.Observation{
		Expected: []store.Index{{Name: "tasks_board_idx", Table: "tasks"}},
		Schema: &facts.SchemaFacts{Indexes: map[string]bool{"tasks_board_idx": false}, Builds: map[string]facts.IndexBuild{
			"tasks_board_idx": {Table: "tasks", Phase: "building index", Done: 3, Total: 9},
		}},
	}
	if h := scanRemedy(o, hit{}, "tasks"); h.Remedy != waitForBuild || h.sql != nil || brokenIndexes(o, "tasks") != "" {
		t.Errorf("who reads tasks is told %q, and of indexes %q", h.Remedy, brokenIndexes(o, "tasks"))
	}
	if h := scanRemedy(o, hit{}, "residences"); !strings.Contains(h.Remedy, "\nANALYZE residences;") || len(h.sql) != 1 {
		t.Errorf("who reads residences is told %q", h.Remedy)
	}
	if h := invalidIndex(o).Hits[0]; h.severity != facts.Info || h.sql != nil || !strings.Contains(h.Evidence, "is being built (building index, 3 of 9 blocks)") {
		t.Errorf("a build is %+v", h)
	}
	o.Schema.Builds, o.Schema.HiddenBuild = nil, true
	if h := invalidIndex(o).Hits[0]; h.severity == facts.Info || len(h.sql) != 1 || !strings.HasPrefix(h.Remedy, waitForBuild) || !strings.HasSuffix(h.Remedy, remedySQL("REINDEX INDEX CONCURRENTLY tasks_board_idx;")) {
		t.Errorf("an index that perhaps is being built: %+v", h)
	}
}

func TestStaleAndDeadRows(t *testing.T) {
	judge := func(code string, f facts.TableFacts) facts.Severity {
		o := &facts.Observation{
			Expected: []store.Index{{Name: "tasks_board_idx", Table: "tasks"}}, Schema: &facts.SchemaFacts{},
			Facts: &facts.DatabaseFacts{Tables: map[string]facts.TableFacts{"tasks": f}},
		}
		severity, _, _ := judged(t, code, o)
		return severity
	}
	for _, c := range []struct {
		code string
		f    facts.TableFacts
		want facts.Severity
	}{
		{"HD-Q09", facts.TableFacts{Estimated: 10_000, Changed: 10_000, AnalyzeAt: 1050, Autovacuum: true}, ""},
		{"HD-Q09", facts.TableFacts{Estimated: 10_000, Changed: 11_001, AnalyzeAt: 1050, Autovacuum: true}, facts.Warning},
		{"HD-Q09", facts.TableFacts{Estimated: 100, Changed: 900, AnalyzeAt: 60}, ""},
		{"HD-Q09", facts.TableFacts{Estimated: 10_000, Changed: 11_001, AnalyzeAt: 100_000}, ""},
		{"HD-Q08", facts.TableFacts{Live: 10_000, Dead: 4_099, VacuumAt: 2050, Autovacuum: true}, ""},
		{"HD-Q08", facts.TableFacts{Live: 10_000, Dead: 4_100, VacuumAt: 2050, Autovacuum: true}, facts.Warning},
		{"HD-Q08", facts.TableFacts{Live: 10, Dead: 900, VacuumAt: 52}, ""},
	} {
		if got := judge(c.code, c.f); got != c.want {
			t.Errorf("%s of %+v is %q, want %q", c.code, c.f, got, c.want)
		}
	}
}
