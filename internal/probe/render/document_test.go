package render

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

func one(n int64) *int64 { return &n }

// incident is a result in which everything that a document can show is there.
func incident() facts.Result {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	idle, sent, again := 110.4, int64(240), int64(0)
	plan := &facts.Plan{Root: facts.Node{Type: "Seq Scan", Relation: "tasks", Filter: "(residence_id = ?::bigint)", ActualTotal: 11.2, ActualLoops: 1}, PlanningMS: 0.4, ExecutionMS: 12.5}
	r := facts.Result{
		StartedAt: at, DurationMS: 9876, BaselineAt: &at,
		Cost: facts.Cost{DBTurns: 167, Connects: 4, DBMS: 15.3, RedisTurns: 3, Rows: 1965, TargetRequests: 40},
		Findings: []facts.Finding{
			{Code: "HD-Q06", Severity: facts.Critical, Title: "SQL error: a hot statement fails", Outage: true, Evidence: "auth_lookup: the server returned an error (42P01).", CostMS: 5000, Remedy: "honeydue migrate status", Runbook: check.RunbookPage("HD-Q06")},
			{Code: "HD-R01", Severity: facts.Critical, Title: "Redis connection failed: the cache cannot be used", Evidence: "redis:6379: in phase tcp, connection refused.", CostMS: 110, Remedy: "kubectl get pods", Runbook: check.RunbookPage("HD-R01")},
			{Code: "HD-Q01", Severity: facts.Critical, Title: "Missing index: an expected index does not exist", Evidence: "tasks_board_idx on tasks is not there.", CostMS: 11.5, Remedy: "CREATE INDEX CONCURRENTLY …;", Runbook: check.RunbookPage("HD-Q01")},
			{Code: "HD-Q03", Severity: facts.Critical, Title: "Sequential scan: a hot statement reads the whole table", Evidence: "task_board for the heavy user does a sequential scan of tasks.", CostMS: 11.5, Remedy: "CREATE INDEX CONCURRENTLY …;", Runbook: check.RunbookPage("HD-Q03"), Because: "HD-Q01", Root: 2},
			{Code: "HD-C01", Severity: facts.Warning, Title: "Configuration drift: a setting differs from its tuned value", Evidence: "DB_MIN_IDLE_CONNS is 10; the tuned value is 20.", Remedy: "kubectl set env …", Runbook: check.RunbookPage("HD-C01")},
		},
		Checks: []facts.CheckResult{
			{Code: "HD-R01", Title: "Redis connection failed: the cache cannot be used", Status: facts.Fail, Why: "connection refused.", DurationMS: 12},
			{Code: "HD-C01", Title: "Configuration drift: a setting differs from its tuned value", Status: facts.Warn, Why: "DB_MIN_IDLE_CONNS is 10."},
			{Code: "HD-R02", Title: "Redis maxmemory-policy differs from its tuned value", Status: facts.Unknown, Why: "Redis cannot be used."},
			{Code: "HD-P02", Title: "Pooler bypassed: the app connects to Postgres directly", Status: facts.Pass, Why: "It is."},
		},
		Endpoints: []facts.Endpoint{
			{
				Name: "pooler", Address: "db-pooler.example:5432", FloorMS: 110.5, JitterMS: 0.4, ConnectMS: 663, ConnectTurns: 6, ProxyBetween: true,
				Phases:    []facts.Phase{{Name: "dns", Turns: 0, MS: 0.2}, {Name: "tcp", Turns: 1, MS: 0.1}, {Name: "ssl_request", Turns: 1, MS: 221}, {Name: "tls", Turns: 1, MS: 110.5}, {Name: "startup", Turns: 1, MS: 110.4}, {Name: "sasl_first", Turns: 1, MS: 110.4}, {Name: "sasl_final", Turns: 1, MS: 110.4}},
				DirectTLS: "refused", Transfers: []facts.Transfer{{KB: 1}, {KB: 30, HotMS: 0.1, IdleMS: &idle, ExtraTurns: 1}}, SegmentsSent: &sent, SegmentsAgain: &again,
				TLS: &facts.TLS{Version: "TLS 1.3", Curve: "CurveP256", HelloRetry: true}, Notes: []string{"a proxy answers nearer than the server"},
			},
			{Name: "redis", Address: "redis:6379", Phases: []facts.Phase{{Name: "dns", Turns: 0, MS: 0.1}}, ConnectMS: 0.1, Error: "in phase tcp, connection refused"},
		},
		HotPaths: []facts.HotPath{
			{Name: "task_board", Subject: "heavy", Turns: 1, WallMS: 150, NetworkMS: 110.5, PlanningMS: 0.4, ExecutionMS: 12.5, ResidualMS: 26.6, ResidualName: "pooler wait", ControlMS: 130, Runs: 3, Rows: 655, Access: []string{"seq tasks"}, S14: facts.S14Verdict{Status: facts.Fail, LimitMS: 8, Why: "12.50 ms of execution, 8 are allowed"}, Plan: plan},
			{Name: "task_board", Subject: "median", Turns: 1, WallMS: 112, NetworkMS: 110.5, PlanningMS: 0.3, ExecutionMS: 0.2, ResidualMS: 1, Runs: 3, Access: []string{"tasks_board_idx"}, S14: facts.S14Verdict{Status: facts.Pass, LimitMS: 1}},
			{Name: "task_board", Subject: "empty", S14: facts.S14Verdict{Status: facts.Unknown, LimitMS: 1, Why: "it was not run: --no-analyze"}},
			{Name: "auth_lookup", Subject: "heavy", Error: "the server returned an error (42P01: relation … does not exist)", S14: facts.S14Verdict{Status: facts.Unknown, LimitMS: 8}},
		},
		Target: &facts.Target{
			URL: "https://api.example", Ready: true, StatusCode: 200, ThroughPooler: "yes", ExecMode: "exec", Version: "1.2.3", Commit: "abc", FirstMS: 330, WarmMS: 111,
			Cache: "redis", Builds: []string{"1.2.3 abc"}, RoundTripMS: 2.1, LiveMS: 2.6,
			Reads: []facts.TargetRead{
				{Route: "task_board", Authed: true, Status: 200, Runs: 4, FirstMS: 121, FirstTurns: one(1), WallMS: 9, ClientNetworkMS: 2.3, IngressMS: 0.5, AppMS: 0.4, RedisMS: 5.8, Turns: one(0), Explained: true, CacheStatus: "token; hit, list; hit", Bytes: 5120},
				{Route: "task_board?archived=true", Authed: true, Status: 200, Runs: 4, FirstMS: 130, FirstTurns: one(1), WallMS: 150, ClientNetworkMS: 2.3, IngressMS: 1.1, AppMS: 0.6, AcquireMS: 30, TurnsMS: 110.5, DBRestMS: 4, RedisMS: 1.5, Turns: one(1), TurnsWarm: 1, Explained: true, CacheStatus: "token; hit", Bytes: 512},
				{Route: "document_list", Authed: true, Status: 503, TurnsWarm: 0},
			},
			Metrics: &facts.TargetMetrics{URL: "http://127.0.0.1:9090/metrics", Pool: facts.PoolMetrics{Idle: 2, InUse: 23, Max: 25, Acquires: 9000, Waited: 812, MeanMS: 3.25}, Caches: []facts.CacheMetrics{{Cache: "list", Asked: 1000, Hits: 900}}, Lists: []facts.ListMetrics{{List: "tasks", Reads: 1000, Outcomes: map[string]int64{"hit": 890, "remade": 10, "own_write": 70, "evicted": 30}}}, RedisErrors: 3},
		},
		Versions: []facts.Version{{Of: "Postgres", Version: "15.18"}}, Settings: []facts.SettingValue{{Name: "DB_MIN_IDLE_CONNS", Value: "10", Drifted: true}},
		Changes: []facts.Change{{What: "minimum RTT of pooler", Before: "36.0 ms", After: "110.5 ms", DeltaMS: 74.5, Worse: true}, {What: "HD-D03 Pending migrations: the schema is older than this version", Before: "found", After: "not found"}},
	}
	for i := range r.Findings {
		if r.Findings[i].Because == "" {
			r.Findings[i].Root = i
		}
	}
	r.Verdict = check.Verdict(r)
	return r
}

func TestDocument(t *testing.T) {
	for _, format := range []report.Format{report.FormatTable, report.FormatMarkdown, report.FormatJSON, report.FormatJUnit, report.FormatHTML} {
		t.Run(string(format), func(t *testing.T) {
			var got bytes.Buffer
			if err := report.Write(&got, format, Document(incident()), report.Options{Version: "1.2.3", Commit: "abc"}); err != nil {
				t.Fatal(err)
			}
			golden(t, "incident."+string(format), got.Bytes())
		})
	}
}

// TestASavedProbeGivesTheSameReports, also one of a version that did not print which findings belong together.
func TestASavedProbeGivesTheSameReports(t *testing.T) {
	r := incident()
	r.Checks[2].Unasked, r.Checks[3].Given = true, true
	of := report.Options{Version: "1.2.3", Commit: "abc"}
	var printed bytes.Buffer
	if err := report.Write(&printed, report.FormatJSON, Document(r), of); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"this version":   printed.String(),
		"an earlier one": regexp.MustCompile(`,?\s*"root": \d+`).ReplaceAllString(printed.String(), ""),
	} {
		saved, err := check.ReadSaved(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if saved.Version != of.Version || saved.Commit != of.Commit {
			t.Errorf("%s: it was printed by %q %q", name, saved.Version, saved.Commit)
		}
		for _, format := range []report.Format{report.FormatTable, report.FormatMarkdown, report.FormatJSON, report.FormatJUnit, report.FormatHTML} {
			var want, got bytes.Buffer
			if err := report.Write(&want, format, Document(r), of); err != nil {
				t.Fatal(err)
			}
			if err := report.Write(&got, format, Document(saved.Result), report.Options{Version: saved.Version, Commit: saved.Commit}); err != nil {
				t.Fatal(err)
			}
			if got.String() != want.String() {
				t.Errorf("%s as %s differs:\n%s\nwant\n%s", name, format, got.String(), want.String())
			}
		}
	}
}

// TestPipelinesFailForFindingsAlone: a remark has passed, what could not be measured is skipped, and the times do not
// add up to more than the probe took.
func TestPipelinesFailForFindingsAlone(t *testing.T) {
	r := incident()
	r.Checks = append(r.Checks, facts.CheckResult{Code: "HD-N11", Title: "An idle connection starts slowly", Status: facts.Remark, Why: "30 kB cost a turn more.", DurationMS: 60000})
	var junit bytes.Buffer
	if err := report.Write(&junit, report.FormatJUnit, Document(r), report.Options{}); err != nil {
		t.Fatal(err)
	}
	var root struct {
		Failures int     `xml:"failures,attr"`
		Errors   int     `xml:"errors,attr"`
		Skipped  int     `xml:"skipped,attr"`
		Time     float64 `xml:"time,attr"`
		Suites   []struct {
			Time  float64 `xml:"time,attr"`
			Cases []struct {
				Time float64 `xml:"time,attr"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(junit.Bytes(), &root); err != nil {
		t.Fatal(err)
	}
	var suites, cases float64
	for _, s := range root.Suites {
		suites += s.Time
		for _, c := range s.Cases {
			cases += c.Time
		}
	}
	if took := r.DurationMS / 1000; root.Time != took || suites > took || cases > took {
		t.Errorf("the whole took %v s, the suites %v and the cases %v; the probe %v", root.Time, suites, cases, took)
	}
	if root.Failures != 2 || root.Errors != 0 || root.Skipped != 1 {
		t.Errorf("%d failures, %d errors, %d skipped, want 2, 0 and 1", root.Failures, root.Errors, root.Skipped)
	}
	var github bytes.Buffer
	if err := report.Write(&github, report.FormatGitHub, Document(r), report.Options{}); err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]int{"::error ": 2, "::warning ": 1, "::notice ": 2, "::notice title=probe HD-N11": 1} {
		if n := strings.Count(github.String(), part); n != want {
			t.Errorf("%q is there %d times, want %d, in\n%s", part, n, want, github.String())
		}
	}
}

// TestBaseline reads a printed result back and finds what has changed since.
func TestBaseline(t *testing.T) {
	var printed bytes.Buffer
	if err := report.Write(&printed, report.FormatJSON, Document(incident()), report.Options{}); err != nil {
		t.Fatal(err)
	}
	saved, err := check.ReadSaved(&printed)
	if err != nil {
		t.Fatal(err)
	}
	before := saved.Result
	if changes := check.Since(incident(), before); len(changes) != 0 {
		t.Errorf("a result differs from itself: %+v", changes)
	}
	after := incident()
	checks := func(said map[string]facts.Status) (out []facts.CheckResult) {
		for code, status := range said {
			out = append(out, facts.CheckResult{Code: code, Status: status})
		}
		return out
	}
	before.Checks = checks(map[string]facts.Status{
		"HD-Q06": facts.Fail, "HD-Q01": facts.Warn, "HD-Q02": facts.Fail, "HD-Q03": facts.Fail, "HD-R01": facts.Warn, "HD-Q04": facts.Pass, "HD-Q11": facts.Unknown, "HD-Q12": facts.Unknown, "HD-T12": facts.Fail,
	})
	after.Checks = checks(map[string]facts.Status{
		"HD-Q06": facts.Pass, "HD-Q01": facts.Pass, "HD-Q02": facts.Unknown, "HD-Q03": facts.Warn, "HD-R01": facts.Fail, "HD-Q04": facts.Warn, "HD-Q11": facts.Fail, "HD-Q12": facts.Pass, "HD-P04": facts.Fail,
	})
	after.Endpoints[0].FloorMS = 330
	after.HotPaths[1].WallMS, after.HotPaths[1].Turns, after.HotPaths[1].Access = 500, 2, []string{"seq tasks"}
	after.HotPaths[0].WallMS += 4 // noise
	after.Endpoints[0].ConnectTurns = 7
	after.Versions[0].Version, after.Settings[0].Value = "17.2", "20"
	turns := int64(1)
	after.Target.Reads[0].WallMS, after.Target.Reads[0].Turns = 130, &turns
	var got []string
	for _, c := range check.Since(after, before) {
		got = append(got, c.What+": "+c.Before+" -> "+c.After)
	}
	want := []string{
		"task_board for the median user: wall: 112.0 ms -> 500.0 ms",
		"minimum RTT of pooler: 110.5 ms -> 330.0 ms",
		"read task_board of the running server: 9.0 ms -> 130.0 ms",
		"HD-Q06 SQL error: a hot statement fails: found -> not found",
		"HD-Q01 Missing index: an expected index does not exist: found -> not found",
		"HD-Q02 Invalid index: Postgres cannot use it: found -> could not be measured",
		"HD-Q04 Slow query: a hot statement exceeds its execution SLO: not found -> found",
		"turns to connect to pooler: 6 -> 7",
		"task_board for the median user: turns: 1 -> 2",
		"task_board for the median user: plan: tasks_board_idx -> seq tasks",
		"read task_board of the running server: turns: 0 -> 1",
		"version of Postgres: 15.18 -> 17.2",
		"setting DB_MIN_IDLE_CONNS: 10 -> 20",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the changes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, in := range []string{"", "[]", `{"schema":"honeydue.loadtest/1"}`, "{}"} {
		if _, err := check.ReadSaved(strings.NewReader(in)); err == nil {
			t.Errorf("%q is taken for a baseline", in)
		}
	}
}

// TestNotMeasuredIsNoChange: with the pooler down most figures are 0, and none of them has got better.
func TestNotMeasuredIsNoChange(t *testing.T) {
	down := incident()
	down.Endpoints[0].FloorMS, down.Target.RoundTripMS = 0, 0
	for i := range down.HotPaths {
		down.HotPaths[i] = facts.HotPath{Name: down.HotPaths[i].Name, Subject: down.HotPaths[i].Subject, Error: "no answer came in time"}
	}
	if changes := check.Since(down, incident()); len(changes) != 0 {
		t.Errorf("what was not measured has changed: %+v", changes)
	}
	if changes := check.Since(incident(), down); len(changes) != 0 {
		t.Errorf("what was not measured in the baseline has changed: %+v", changes)
	}
}

// TestTheMessageToTheChannelIsShort tells the dearest causes, and counts those that it leaves to the whole report.
func TestTheMessageToTheChannelIsShort(t *testing.T) {
	r := facts.Result{Checks: []facts.CheckResult{{Code: "HD-X01", Status: facts.Unknown}}}
	for i := range briefFindings + 3 {
		r.Findings = append(r.Findings, facts.Finding{Code: "HD-C01", Severity: facts.Warning, CostMS: float64(100 - i), Remedy: "do this", Root: i})
	}
	r.Findings = append(r.Findings, facts.Finding{Code: "HD-S01", Title: "Hidden", Because: "HD-C01", Root: 0})
	var out bytes.Buffer
	if err := report.Write(&out, report.FormatMarkdown, Document(r), report.Options{}); err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]int{
		"```\ndo this\n```": briefFindings, "3 more findings are in the full report": 1, "Explains: HD-S01 Hidden": 1,
		"Could not be measured: HD-X01": 1, "| Code |": 0,
	} {
		if got := strings.Count(out.String(), part); got != want {
			t.Errorf("%q is there %d times, want %d, in\n%s", part, got, want, out.String())
		}
	}
}
