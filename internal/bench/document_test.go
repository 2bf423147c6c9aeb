package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// render gives a result in every format.
func render(t *testing.T, r Result) map[report.Format]string {
	t.Helper()
	out := make(map[report.Format]string)
	for _, f := range r.Document().Formats() {
		var b bytes.Buffer
		if err := report.Write(&b, f, r.Document(), report.Options{Version: "1.2.3", Commit: "abc123"}); err != nil {
			t.Fatal(err)
		}
		out[f] = b.String()
	}
	return out
}

// golden compares a text with a file of testdata, byte by byte.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -update writes it anew. It is now:\n%s", path, got)
	}
}

func TestDocumentGolden(t *testing.T) {
	for name, r := range map[string]Result{"pass": passingResult(), "invalid": invalidResult()} {
		texts := render(t, r)
		for format, ext := range map[report.Format]string{report.FormatTable: "txt", report.FormatJSON: "json", report.FormatJUnit: "xml"} {
			golden(t, name+"."+ext, texts[format])
		}
	}
}

// The names that the release pipeline reads (interface.md).
func TestJSONHasTheNamesOfTheContract(t *testing.T) {
	var got struct {
		Schema    *string          `json:"schema"`
		Verdict   *string          `json:"verdict"`
		Reasons   *[]string        `json:"reasons"`
		Target    *string          `json:"target"`
		StartedAt *time.Time       `json:"started_at"`
		Commit    *string          `json:"commit"`
		Generator map[string]any   `json:"generator"`
		Phases    []map[string]any `json:"phases"`
	}
	if err := json.Unmarshal([]byte(render(t, passingResult())[report.FormatJSON]), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema == nil || *got.Schema != "honeydue.loadtest/1" || got.Verdict == nil || got.Reasons == nil ||
		got.Target == nil || got.StartedAt == nil || got.Commit == nil {
		t.Errorf("a name at the top is missing: %+v", got)
	}
	for _, name := range []string{"cpu_pct", "lag_p99_ms", "floor_p99_ms", "gc_pause_max_ms"} {
		if _, ok := got.Generator[name].(float64); !ok {
			t.Errorf("generator.%s is missing", name)
		}
	}
	warm := got.Phases[0]
	for _, name := range []string{
		"name", "verdict", "requests", "errors", "error_kinds", "over", "over_allowed", "target_p99_ms", "latency_ms",
		"service_ms", "p99_ci95_ms", "rate", "lag_ms", "db_turns", "slowest",
	} {
		if _, ok := warm[name]; !ok {
			t.Errorf("phases[].%s is missing", name)
		}
	}
	for name, inner := range map[string][]string{
		"latency_ms": {"p50", "p90", "p99", "p999", "max"}, "service_ms": {"p50", "p99"}, "rate": {"planned", "achieved"},
		"lag_ms": {"p50", "p99"}, "db_turns": {"p50", "max"},
	} {
		object, ok := warm[name].(map[string]any)
		for _, key := range inner {
			if _, isNumber := object[key].(float64); !ok || !isNumber {
				t.Errorf("phases[].%s.%s is missing", name, key)
			}
		}
	}
}

func passingResult() Result {
	yes, one, two := true, 1, 2
	v := func(f float64) *float64 { return &f }
	return Result{
		Verdict: Pass, Reasons: []string{}, Target: "http://127.0.0.1:8080", Profile: "release",
		StartedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Run: "0102030405060708",
		Server: Server{Version: "1.2.3", Commit: "abc123", ThroughPooler: &yes, PoolerProof: "pid 12 in the handshake, 34 behind it", LinkRTTMS: 110},
		Phases: []Phase{
			{
				Name: PhaseWarm, Verdict: Pass, Reasons: []string{}, Requests: 12000, Errors: 3, ErrorKinds: map[string]int{"timeout": 2, "503": 1},
				Over: 41, OverAllowed: 101, TargetMS: 200,
				Goals:     []Goal{{Text: "p99 <= R + 50 ms", LimitMS: v(160), ActualMS: v(163.2)}},
				Latency:   Latency{P50: 116.1, P90: 121.5, P99: v(163.2), P999: v(240.9), Max: 5000},
				Service:   Parts{P50: 115.3, P99: v(162)},
				P99CI95MS: [2]*float64{v(158.1), v(171.4)}, Rate: Rate{50, 49.98}, Lag: Times{0.5, 1.1}, Queue: Parts{0.01, v(0.3)},
				DBTurns: Turns{1, 1, true}, Apart: map[string]int{"partly": 12},
				Routes: []RouteFigures{{"residence_list", 4000, 0, 1, 115, 120, 260.4}, {"task_board", 8000, 3, 40, 116.5, 166.7, 5000}},
				Slowest: []Slow{
					{TraceID: "01020304050607080100000000000005", LatencyMS: 5000, Route: "task_board", ServerTiming: map[string]float64{}, LagMS: 0.6, ServiceMS: 5000, Error: "timeout"},
					{
						TraceID: "01020304050607080100000000000009", LatencyMS: 260.4, Route: "residence_list", LagMS: 0.6, QueueMS: 0.1, ServiceMS: 259.7, NetworkMS: v(0.98),
						TraceURL:     "https://jaeger.example/trace/01020304050607080100000000000009?a=1&b=<2>",
						ServerTiming: map[string]float64{"app_ms": 1.2, "db_ms": 257.1, "acquire_ms": 0.02, "redis_ms": 0.4}, DBTurns: &one, Status: 200,
					},
				},
				DurationMS: 240116, BytesMean: 4210, Server: testServerTimeline(4),
			},
			{
				Name: PhaseCold, Verdict: Pass, Reasons: []string{}, Requests: 650, ErrorKinds: map[string]int{}, OverAllowed: 2, TargetMS: 700,
				Goals:     []Goal{{Text: "p50 <= 1.2 R", LimitMS: v(132), ActualMS: v(226)}, {Text: "p99 <= 1.6 R", LimitMS: v(176), ActualMS: v(241)}},
				Latency:   Latency{P50: 226, P90: 230, P99: v(241), P999: v(262), Max: 262},
				P99CI95MS: [2]*float64{v(236), v(262)}, Rate: Rate{30, 30}, Lag: Times{0.5, 1.4},
				DBTurns: Turns{2, 2, true}, Apart: map[string]int{},
				Routes:  []RouteFigures{{"task_board", 650, 0, 0, 226, 241, 262}},
				Slowest: []Slow{{TraceID: "0102030405060708020000000000000a", LatencyMS: 262, Route: "task_board", ServiceMS: 261.3, DBTurns: &two, Status: 200}},
			},
			{
				Name: PhaseFirst, Verdict: Pass, Reasons: []string{}, Requests: 20, ErrorKinds: map[string]int{}, TargetMS: 900,
				Goals:   []Goal{{Text: "each <= 1.35 R", LimitMS: v(148.5), ActualMS: v(241)}},
				Latency: Latency{P50: 228, P90: 235, Max: 241}, DBTurns: Turns{2, 2, true}, Apart: map[string]int{},
				Restarts: &Restarts{Done: 20, Planned: 20, Under: 20, TargetMS: 900, SureShare: 0.861},
			},
			{
				Name: PhaseEvening, Verdict: Pass, Reasons: []string{}, Requests: 1200, ErrorKinds: map[string]int{}, Over: 2, OverAllowed: 6, TargetMS: 40,
				Goals: []Goal{
					{Text: "list reads: p50 <= 3 ms", LimitMS: v(3), ActualMS: v(0.61), Met: true},
					{Text: "writes: p50 <= 1.1 R", LimitMS: v(121), ActualMS: v(124.5)},
					{Text: "DB turns per write <= 2.2", LimitTurns: v(2.2), ActualTurns: v(1.67), Met: true},
				},
				Latency:   Latency{P50: 0.61, P90: 1.1, P99: v(3.5), P999: v(117), Max: 121},
				P99CI95MS: [2]*float64{v(2.9), v(9.1)}, Rate: Rate{24, 24}, Lag: Times{0.1, 0.9}, DBTurns: Turns{0, 1, true}, Apart: map[string]int{},
				TurnFreeShare: v(0.998), Writes: &Writes{Requests: 300, Errors: 1, ErrorKinds: map[string]int{"503": 1}, P50MS: 124.5, P99MS: 160, MaxMS: 5000, DBTurnsPerWrite: v(1.67)},
				Routes: []RouteFigures{{"task_board:other", 300, 0, 2, 0.6, 3.4, 121}, {"update_task", 300, 1, 1, 124.5, 160, 5000}},
				Thresholds: []ThresholdResult{
					{Route: groupReads, What: "turn_free", Verdict: Pass, LimitShare: v(0.97), ActualShare: v(0.998), Requests: 1200, Over: 2, OverAllowed: 25},
					{Route: groupWrites, What: "error_rate", Verdict: Pass, LimitShare: v(0.02), ActualShare: v(0.0033), Requests: 300, Over: 1, OverAllowed: 1},
				},
			},
		},
		NotSeen: []Unseen{
			{What: sourceRedis, Because: "the connection broke", Missed: 1, Readings: 5},
			{What: "the server's side in phase first", Because: "the server is another one for each request"},
		},
		Generator: Generator{CPUPct: 7.4, Cores: 2, LagP99MS: 1.4, FloorP99MS: 1.6, FloorRate: 200, GCPauseMaxMS: 0.2, Descriptors: Used{34, 1024}, Ports: Used{18, 28232}, Connections: 18},
	}
}

func invalidResult() Result {
	why := []string{"the generator was late by p99 212 ms, more than 20.0 ms; what ran out is this machine's CPU"}
	return Result{
		Verdict: Invalid, NotMeasured: []Skipped{{PhaseFirst, "there was nothing to restart the server with"}}, Reasons: []string{"get: " + why[0]}, Target: "http://127.0.0.1:8080", Profile: PhaseGet,
		StartedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Run: "0102030405060708",
		Phases: []Phase{{
			Name: PhaseGet, Verdict: Invalid, Reasons: why, Requests: 100, ErrorKinds: map[string]int{}, OverAllowed: -1, TargetMS: 200,
			Latency: Latency{P50: 12, P90: 210, P99: msp(230 * time.Millisecond), P999: msp(231 * time.Millisecond), Max: 231},
			Rate:    Rate{50, 50}, Lag: Times{12, 212}, Apart: map[string]int{}, Routes: []RouteFigures{}, Slowest: []Slow{},
		}},
		Generator: Generator{CPUPct: 20, Cores: 2, LagP99MS: 212, FloorP99MS: 5, FloorRate: 200},
	}
}
