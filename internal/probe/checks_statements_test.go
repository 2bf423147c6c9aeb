package probe

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// ran is a hot path that was executed in that time.
func ran(ms float64, p *Plan) HotPath {
	p.ExecutionMS = ms
	return HotPath{
		Name: "task_board", Subject: "heavy", Plan: p, ExecutionMS: ms, PlanHash: p.Hash(), Access: p.access(),
		FirstRun: &FirstRun{ExecutionMS: ms}, S14: S14Verdict{Status: Pass, LimitMS: s14HeavyMS},
	}
}

// judged is what a check found: its severity and cost, or nothing.
func judged(t *testing.T, code string, o *observation) (Severity, float64, string) {
	t.Helper()
	for _, c := range registry() {
		if c.code != code {
			continue
		}
		out := c.run(o)
		if out.unknown {
			return "unknown", 0, out.why
		}
		if len(out.hits) == 0 {
			return "", 0, out.why
		}
		h := out.hits[0]
		if h.severity == "" {
			h.severity = c.severity
		}
		return h.severity, h.costMS, h.evidence
	}
	t.Fatalf("there is no check %s", code)
	return "", 0, ""
}

// TestStatementChecks: each rule is a finding where a request pays, a remark where it does not notice, and
// unknown where nothing was run.
func TestStatementChecks(t *testing.T) {
	with := func(h HotPath, change func(*HotPath)) *observation {
		if change != nil {
			change(&h)
		}
		return &observation{hot: []HotPath{h}, facts: &databaseFacts{sessionFacts: sessionFacts{planCacheMode: "auto", workMemKB: 4096}}, config: Config{Baseline: &Result{}}}
	}
	estimate := func(h *HotPath) { h.FirstRun = nil }
	for _, c := range []struct {
		name, code string
		o          *observation
		severity   Severity
		cost       float64
	}{
		{"a misestimate that breaks S14", "HD-Q12", with(ran(20, planOf(t, "misestimate")), nil), Warning, 12},
		{"a misestimate that nobody notices", "HD-Q12", with(ran(2, planOf(t, "misestimate")), nil), Info, 0},
		{"a good estimate", "HD-Q12", with(ran(20, planOf(t, "index_only")), nil), "", 0},
		{"an estimate is no evidence", "HD-Q12", with(ran(2, planOf(t, "index_only")), estimate), "unknown", 0},
		{"a spill", "HD-Q11", with(ran(500, planOf(t, "sort_on_disk")), nil), Warning, 492},
		{"no spill", "HD-Q11", with(ran(20, planOf(t, "misestimate")), nil), "", 0},
		{"rows thrown away", "HD-Q13", with(ran(500, planOf(t, "rows_discarded")), nil), Warning, 492},
		{"heap fetches", "HD-Q14", with(ran(500, planOf(t, "heap_fetches")), nil), Warning, 492},
		{"a cold first run", "HD-Q15", with(ran(3, planOf(t, "index_only")), func(h *HotPath) {
			h.FirstRun = &FirstRun{ExecutionMS: 43, HitBlocks: 10, ReadBlocks: 1000}
		}), Warning, 40},
		{"a cold first run as fast as the others", "HD-Q15", with(ran(3, planOf(t, "index_only")), func(h *HotPath) {
			h.FirstRun = &FirstRun{ExecutionMS: 3.5, HitBlocks: 10, ReadBlocks: 1000}
		}), Info, 0},
		{"planning that costs something", "HD-Q16", with(ran(2, planOf(t, "index_only")), func(h *HotPath) { h.PlanningMS = 12 }), Warning, 7},
		{"planning longer than execution, and short", "HD-Q16", with(ran(0.1, planOf(t, "index_only")), func(h *HotPath) { h.PlanningMS = 4.9 }), "", 0},
		{"long planning, longer execution", "HD-Q16", with(ran(30, planOf(t, "index_only")), func(h *HotPath) { h.PlanningMS = 12 }), "", 0},
		{"a generic plan ten times as dear", "HD-Q10", with(ran(2, planOf(t, "misestimate")), func(h *HotPath) {
			h.GenericPlan = &Plan{Root: Node{TotalCost: h.Plan.Root.TotalCost * 11}}
		}), Info, 0},
		{"a generic plan twice as dear", "HD-Q10", with(ran(2, planOf(t, "misestimate")), func(h *HotPath) {
			h.GenericPlan = &Plan{Root: Node{TotalCost: h.Plan.Root.TotalCost * 2}}
		}), "", 0},
		{"no generic plan", "HD-Q10", with(ran(2, planOf(t, "misestimate")), nil), "unknown", 0},
	} {
		severity, cost, why := judged(t, c.code, c.o)
		if severity != c.severity || cost < c.cost-0.001 || cost > c.cost+0.001 {
			t.Errorf("%s: %s is %q and costs %v, want %q and %v: %s", c.name, c.code, severity, cost, c.severity, c.cost, why)
		}
	}
	forced := with(ran(2, planOf(t, "misestimate")), nil)
	forced.facts.planCacheMode = "force_generic_plan"
	if severity, _, _ := judged(t, "HD-Q10", forced); severity != Warning {
		t.Errorf("a forced generic plan is %q", severity)
	}
}

func TestPlanDrift(t *testing.T) {
	before := ran(2, planOf(t, "misestimate"))
	drift := func(now HotPath) (Severity, float64, string) {
		return judged(t, "HD-Q17", &observation{hot: []HotPath{now}, config: Config{Baseline: &Result{HotPaths: []HotPath{before}}}})
	}
	if severity, _, why := drift(ran(50, planOf(t, "misestimate"))); severity != "" {
		t.Errorf("the same shape is %q: %s", severity, why)
	}
	if severity, cost, why := drift(ran(50, planOf(t, "heap_fetches"))); severity != Warning || cost != 48 || !strings.Contains(why, before.PlanHash) {
		t.Errorf("another, slower plan is %q and costs %v: %s", severity, cost, why)
	}
	if severity, _, _ := drift(ran(1, planOf(t, "heap_fetches"))); severity != Info {
		t.Errorf("another, faster plan is %q", severity)
	}
	other := ran(1, planOf(t, "heap_fetches"))
	other.Subject = "median"
	if severity, _, _ := drift(other); severity != "unknown" {
		t.Errorf("a plan that the baseline lacks is %q", severity)
	}
}

func TestNeedlessIndexes(t *testing.T) {
	judge := func(counted time.Duration, more indexDefinition) (Severity, string) {
		o := &observation{
			expected: []store.Index{{Name: "tasks_board_idx", Table: "tasks"}},
			facts: &databaseFacts{
				tables: map[string]tableFacts{"tasks": {}}, countedFor: counted,
				indexes: []indexDefinition{{name: "tasks_board_idx", table: "tasks", key: "(a)", valid: true}, more},
			},
		}
		severity, _, why := judged(t, "HD-Q18", o)
		return severity, why
	}
	day := 24 * time.Hour
	for _, c := range []struct {
		name    string
		counted time.Duration
		index   indexDefinition
		want    Severity
	}{
		{"a copy", 0, indexDefinition{name: "copy", table: "tasks", key: "(a)", valid: true, scans: 9}, Warning},
		{"an unused one after a week", 8 * day, indexDefinition{name: "other", table: "tasks", key: "(b)"}, Info},
		{"an unused one after an hour", time.Hour, indexDefinition{name: "other", table: "tasks", key: "(b)"}, ""},
		{"a used one", 8 * day, indexDefinition{name: "other", table: "tasks", key: "(b)", scans: 1}, ""},
		{"one of a constraint", 8 * day, indexDefinition{name: "other", table: "tasks", key: "(b)", constraint: true}, ""},
		{"one of a table of somebody else's", 8 * day, indexDefinition{name: "other", table: "theirs", key: "(b)"}, ""},
	} {
		if got, why := judge(c.counted, c.index); got != c.want {
			t.Errorf("%s is %q, want %q: %s", c.name, got, c.want, why)
		}
	}
}

// TestABuildIsWaitedFor: what is being built is no DDL of another finding, and where the role can't see what somebody
// builds, the remedy says so.
func TestABuildIsWaitedFor(t *testing.T) {
	o := &observation{
		expected: []store.Index{{Name: "tasks_board_idx", Table: "tasks"}},
		schema: &schemaFacts{indexes: map[string]bool{"tasks_board_idx": false}, builds: map[string]indexBuild{
			"tasks_board_idx": {table: "tasks", phase: "building index", done: 3, total: 9},
		}},
	}
	if h := scanRemedy(o, hit{}, "tasks"); h.remedy != waitForBuild || h.sql != nil || brokenIndexes(o, "tasks") != "" {
		t.Errorf("who reads tasks is told %q, and of indexes %q", h.remedy, brokenIndexes(o, "tasks"))
	}
	if h := scanRemedy(o, hit{}, "residences"); !strings.Contains(h.remedy, "\nANALYZE residences;") || len(h.sql) != 1 {
		t.Errorf("who reads residences is told %q", h.remedy)
	}
	if h := invalidIndex(o).hits[0]; h.severity != Info || h.sql != nil || !strings.Contains(h.evidence, "is being built (building index, 3 of 9 blocks)") {
		t.Errorf("a build is %+v", h)
	}
	o.schema.builds, o.schema.hiddenBuild = nil, true
	if h := invalidIndex(o).hits[0]; h.severity == Info || len(h.sql) != 1 || !strings.HasPrefix(h.remedy, waitForBuild) || !strings.HasSuffix(h.remedy, remedySQL("REINDEX INDEX CONCURRENTLY tasks_board_idx;")) {
		t.Errorf("an index that perhaps is being built: %+v", h)
	}
}

func TestStaleAndDeadRows(t *testing.T) {
	judge := func(code string, f tableFacts) Severity {
		o := &observation{
			expected: []store.Index{{Name: "tasks_board_idx", Table: "tasks"}}, schema: &schemaFacts{},
			facts: &databaseFacts{tables: map[string]tableFacts{"tasks": f}},
		}
		severity, _, _ := judged(t, code, o)
		return severity
	}
	for _, c := range []struct {
		code string
		f    tableFacts
		want Severity
	}{
		{"HD-Q09", tableFacts{estimated: 10_000, changed: 10_000, analyzeAt: 1050, autovacuum: true}, ""},
		{"HD-Q09", tableFacts{estimated: 10_000, changed: 11_001, analyzeAt: 1050, autovacuum: true}, Warning},
		{"HD-Q09", tableFacts{estimated: 100, changed: 900, analyzeAt: 60}, ""},
		{"HD-Q09", tableFacts{estimated: 10_000, changed: 11_001, analyzeAt: 100_000}, ""},
		{"HD-Q08", tableFacts{live: 10_000, dead: 4_099, vacuumAt: 2050, autovacuum: true}, ""},
		{"HD-Q08", tableFacts{live: 10_000, dead: 4_100, vacuumAt: 2050, autovacuum: true}, Warning},
		{"HD-Q08", tableFacts{live: 10, dead: 900, vacuumAt: 52}, ""},
	} {
		if got := judge(c.code, c.f); got != c.want {
			t.Errorf("%s of %+v is %q, want %q", c.code, c.f, got, c.want)
		}
	}
}
