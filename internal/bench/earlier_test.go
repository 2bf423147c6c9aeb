package bench

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/report"
)

// A report is read back whole from what -o json wrote, and from a stored run around it.
func TestEarlierRunIsReadBack(t *testing.T) {
	var printed bytes.Buffer
	if err := report.Write(&printed, report.FormatJSON, passingResult().Document(), report.Options{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	stored := `{"schema":"honeydue.loadtest-run/1","result":` + printed.String() + `}`
	for _, file := range []string{printed.String(), stored} {
		got, err := ReadEarlier(strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(passingResult())
		if err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(got); err != nil || string(again) != string(want) {
			t.Errorf("read back: %s, %v", again, err)
		}
	}
	for file, why := range map[string]string{
		"":                              "is not JSON",
		"[1]":                           "is not JSON",
		`{"schema":"honeydue.probe/1"}`: `has the schema "honeydue.probe/1"`,
		`{"phases":[]}`:                 `has the schema ""`,
		`{"schema":"honeydue.loadtest/1","phases":{}}`: "not its shape",
		`{"schema":"honeydue.loadtest-run/1"}`:         "not its shape",
	} {
		if _, err := ReadEarlier(strings.NewReader(file)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", file, err, why)
		}
	}
}

func getResult(path string, p50, p99 float64) Result {
	v := func(f float64) *float64 { return &f }
	return Result{
		Verdict: Pass, Profile: PhaseGet, Target: "http://127.0.0.1:1", StartedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Phases: []Phase{{
			Name: PhaseGet, TargetMS: 200, Rate: Rate{Planned: 50}, Requests: 500, Over: 5,
			Latency: Latency{P50: p50, P99: &p99}, P99CI95MS: [2]*float64{v(p99 - 5), v(p99 + 5)},
			Routes: []RouteFigures{{Route: path, P50MS: p50, P99MS: p99}},
		}},
	}
}

func TestEarlierRunHasToBeOfTheSameShape(t *testing.T) {
	plan, err := NewPlan(PlanOptions{Get: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckEarlier(getResult("/a", 10, 20), plan, "/a"); err != nil {
		t.Errorf("the same shape: %v", err)
	}
	for why, change := range map[string]func(*Result){
		"compared two servers":   func(r *Result) { r.Comparison = &Comparison{} },
		`of profile "release"`:   func(r *Result) { r.Profile = "release" },
		"has no phase get":       func(r *Result) { r.Phases = nil },
		"a target of 300 ms":     func(r *Result) { r.Phases[0].TargetMS = 300 },
		"had 60 requests/s then": func(r *Result) { r.Phases[0].Rate.Planned = 60 },
		"did not GET /a":         func(r *Result) { r.Phases[0].Routes[0].Route = "/b" },
	} {
		earlier := getResult("/a", 10, 20)
		change(&earlier)
		if err := CheckEarlier(earlier, plan, "/a"); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
}

func TestSinceTellsAndDecidesNothing(t *testing.T) {
	now := getResult("/a", 15, 60).Since(getResult("/a", 10, 20))
	if now.Verdict != Pass {
		t.Errorf("verdict %s", now.Verdict)
	}
	p := now.Earlier.Phases[0]
	if *p.P50.Pct != 50 || *p.P99.Pct != 200 || !p.Apart || p.Over.Before != 0.01 || *p.Routes[0].P99.Pct != 200 || p.Turns.Pct != nil {
		t.Errorf("%+v", p)
	}
	if near := getResult("/a", 10, 22).Since(getResult("/a", 10, 20)); near.Earlier.Phases[0].Apart {
		t.Error("[17, 27] and [15, 25] are not apart")
	}
	var printed bytes.Buffer
	if err := report.Write(&printed, report.FormatTable, now.Document(), report.Options{}); err != nil {
		t.Fatal(err)
	}
	if text := printed.String(); now.Earlier.Caveat == "" || !strings.Contains(text, now.Earlier.Caveat) || !strings.Contains(text, "+200.0%") {
		t.Errorf("printed:\n%s", text)
	}
}
