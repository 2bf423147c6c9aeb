package probe

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/report"
)

var update = flag.Bool("update", false, "write the golden files")

// incident is a result in which everything that a document can show is there.
func incident() Result {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	idle, sent, again := 110.4, int64(240), int64(0)
	plan := &Plan{Root: Node{Type: "Seq Scan", Relation: "tasks", Filter: "(residence_id = ?::bigint)", ActualTotal: 11.2, ActualLoops: 1}, PlanningMS: 0.4, ExecutionMS: 12.5}
	r := Result{
		StartedAt: at, DurationMS: 9876, BaselineAt: &at,
		Cost: Cost{DBTurns: 167, Connects: 4, DBMS: 15.3, RedisTurns: 3},
		Findings: []Finding{
			{Code: "HD-Q06", Severity: Critical, Title: "A hot statement fails", Outage: true, Evidence: "auth_lookup: the server refused (42P01).", CostMS: 5000, Remedy: "honeydue migrate status", Runbook: RunbookPage("HD-Q06")},
			{Code: "HD-R01", Severity: Critical, Title: "Redis can't be used", Evidence: "redis:6379: in phase tcp, nobody listens there.", CostMS: 110, Remedy: "kubectl get pods", Runbook: RunbookPage("HD-R01")},
			{Code: "HD-Q01", Severity: Critical, Title: "An expected index is missing", Evidence: "tasks_board_idx on tasks is not there.", CostMS: 11.5, Remedy: "CREATE INDEX CONCURRENTLY …;", Runbook: RunbookPage("HD-Q01")},
			{Code: "HD-C01", Severity: Warning, Title: "A setting drifted from its tuned value", Evidence: "DB_MIN_IDLE_CONNS is 10, tuned is 20.", Remedy: "kubectl set env …", Runbook: RunbookPage("HD-C01")},
		},
		Checks: []CheckResult{
			{Code: "HD-R01", Title: "Redis can't be used", Status: Fail, Why: "nobody listens there.", DurationMS: 12},
			{Code: "HD-C01", Title: "A setting drifted from its tuned value", Status: Warn, Why: "DB_MIN_IDLE_CONNS is 10."},
			{Code: "HD-R02", Title: "Redis's eviction policy is not the tuned one", Status: Unknown, Why: "Redis can't be used."},
			{Code: "HD-P02", Title: "The app is not connected through a pooler", Status: Pass, Why: "It is."},
		},
		Endpoints: []Endpoint{
			{
				Name: "pooler", Address: "db-pooler.example:5432", FloorMS: 110.5, JitterMS: 0.4, ConnectMS: 663, ConnectTurns: 6, ProxyBetween: true,
				Phases:    []Phase{{"dns", 0, 0.2}, {"tcp", 1, 0.1}, {"ssl_request", 1, 221}, {"tls", 1, 110.5}, {"startup", 1, 110.4}, {"sasl_first", 1, 110.4}, {"sasl_final", 1, 110.4}},
				DirectTLS: "refused", Transfers: []Transfer{{KB: 1}, {KB: 30, HotMS: 0.1, IdleMS: &idle, ExtraTurns: 1}}, SegmentsSent: &sent, SegmentsAgain: &again,
				TLS: &TLS{Version: "TLS 1.3", Curve: "CurveP256", HelloRetry: true}, Notes: []string{"a proxy answers nearer than the server"},
			},
			{Name: "redis", Address: "redis:6379", Phases: []Phase{{"dns", 0, 0.1}}, ConnectMS: 0.1, Error: "in phase tcp, nobody listens there"},
		},
		HotPaths: []HotPath{
			{Name: "task_board", Subject: "heavy", Turns: 1, WallMS: 150, NetworkMS: 110.5, PlanningMS: 0.4, ExecutionMS: 12.5, ResidualMS: 26.6, ResidualName: "pooler wait", BesideMS: 130, Runs: 3, Rows: 655, Access: []string{"seq tasks"}, S14: S14Verdict{Fail, 8, "12.50 ms of execution, 8 are allowed"}, Plan: plan},
			{Name: "task_board", Subject: "median", Turns: 1, WallMS: 112, NetworkMS: 110.5, PlanningMS: 0.3, ExecutionMS: 0.2, ResidualMS: 1, Runs: 3, Access: []string{"tasks_board_idx"}, S14: S14Verdict{Status: Pass, LimitMS: 1}},
			{Name: "task_board", Subject: "empty", S14: S14Verdict{Unknown, 1, "it was not run: --no-analyze"}},
			{Name: "auth_lookup", Subject: "heavy", Error: "the server refused (42P01: relation … does not exist)", S14: S14Verdict{Status: Unknown, LimitMS: 8}},
		},
		Target:  &Target{URL: "https://api.example", Ready: true, StatusCode: 200, ThroughPooler: "yes", ExecMode: "exec", Version: "1.2.3", Commit: "abc", FirstMS: 330, WarmMS: 111},
		Changes: []Change{{What: "floor of pooler", Before: "36.0 ms", After: "110.5 ms", DeltaMS: 74.5, Worse: true}, {What: "HD-D03 Migrations are not applied", Before: "found", After: "not found"}},
	}
	r.Verdict = verdict(r)
	return r
}

func TestDocument(t *testing.T) {
	for _, format := range []report.Format{report.FormatTable, report.FormatMarkdown, report.FormatJSON, report.FormatJUnit} {
		t.Run(string(format), func(t *testing.T) {
			var got bytes.Buffer
			if err := report.Write(&got, format, incident().Document(), report.Options{Version: "1.2.3", Commit: "abc"}); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "incident."+string(format)+".golden")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("the %s differs from %s (go test -update writes it anew):\n%s", format, golden, got.String())
			}
		})
	}
}

// TestBaseline reads a printed result back and finds what has changed since.
func TestBaseline(t *testing.T) {
	var printed bytes.Buffer
	if err := report.Write(&printed, report.FormatJSON, incident().Document(), report.Options{}); err != nil {
		t.Fatal(err)
	}
	before, err := ReadBaseline(&printed)
	if err != nil {
		t.Fatal(err)
	}
	if changes := incident().Since(before); len(changes) != 0 {
		t.Errorf("a result differs from itself: %+v", changes)
	}
	after := incident()
	after.Findings = after.Findings[1:]
	after.Findings[1].Code = "HD-Q03"
	after.Endpoints[0].FloorMS = 330
	after.HotPaths[1].WallMS, after.HotPaths[1].Turns, after.HotPaths[1].Access = 500, 2, []string{"seq tasks"}
	after.HotPaths[0].WallMS += 4 // noise
	var got []string
	for _, c := range after.Since(before) {
		got = append(got, c.What+": "+c.Before+" -> "+c.After)
	}
	want := []string{
		"task_board for the median user: wall: 112.0 ms -> 500.0 ms",
		"floor of pooler: 110.5 ms -> 330.0 ms",
		"HD-Q06 A hot statement fails: found -> not found",
		"HD-Q01 An expected index is missing: found -> not found",
		"HD-Q03 A hot statement reads a table from end to end: not found -> found",
		"task_board for the median user: turns: 1 -> 2",
		"task_board for the median user: plan: tasks_board_idx -> seq tasks",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the changes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, in := range []string{"", "[]", `{"schema":"honeydue.loadtest/1"}`, "{}"} {
		if _, err := ReadBaseline(strings.NewReader(in)); err == nil {
			t.Errorf("%q is taken for a baseline", in)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Result
		want string
	}{
		{"all well", Result{Checks: []CheckResult{{Status: Pass}, {Status: Pass}}}, "Nothing wrong was found: 2 checks passed."},
		{
			"a part unknown",
			Result{Checks: []CheckResult{{Status: Pass}, {Status: Unknown}}, HotPaths: []HotPath{{Runs: 3, Turns: 1, WallMS: 112.3}}},
			"Nothing wrong was found: 1 check passed, and 1 could not be measured; a hot statement takes 112.3 ms in 1 turn.",
		},
		{
			"a cost",
			Result{Findings: []Finding{{Code: "HD-Q01", Severity: Critical, Title: "An index is missing", Evidence: "x is not there.", CostMS: 11.54}, {}}},
			"An index is missing: x is not there, which costs a request 11.5 ms (HD-Q01; 1 more finding).",
		},
		{"only a remark", Result{Findings: []Finding{{Severity: Info}}, Checks: []CheckResult{{Status: Pass}}}, "Nothing wrong was found: 1 check passed, 1 remark beside."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := verdict(c.r); got != c.want {
				t.Errorf("the verdict is %q, want %q", got, c.want)
			}
		})
	}
}
