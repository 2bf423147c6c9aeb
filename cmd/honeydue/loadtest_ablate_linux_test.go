package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// ablateRun is an ablation of seconds in a lab of its own.
func ablateRun(ctx context.Context, t *testing.T, dir string, environ []string, only string) (code int, got bench.Ablation, stderr string) {
	t.Helper()
	var stdout, errs bytes.Buffer
	code = run(ctx, []string{"loadtest", "ablate", "--rounds", "1", "--rtt", "2ms", "--data", dir, "--only", only, "-o", "json"}, &stdout, &errs, environ)
	if stdout.Len() > 0 {
		if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
			t.Fatalf("%v\n%s%s", err, &stdout, &errs)
		}
	}
	return code, got, errs.String()
}

// TestAblateCountsTurns: turned back, each of these decisions costs what it saves, in turns and connections, which
// this machine's pace does not touch. The process's own environment plays no part in it.
func TestAblateCountsTurns(t *testing.T) {
	dir := labFolder(t)
	environ := append(os.Environ(), "BOARD_CACHE_TTL=0", "DB_MIN_IDLE_CONNS=3", "HONEYDUE_ABLATE=s8")
	code, got, stderr := ablateRun(t.Context(), t, dir, environ, "S3,S8,S11,zero-turn,all")
	if code != exit.OK {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	// The schedules alone take more than the ten seconds after which a pipeline is told again.
	if !regexp.MustCompile(`(?m)^ablate: round 1 of 1, \S+: [1-6] of 6$`).MatchString(stderr) {
		t.Errorf("it does not say how far it is:\n%s", stderr)
	}
	type pair struct{ old, tuned float64 }
	seen := map[string]pair{}
	for _, d := range got.Rows {
		for _, f := range d.Figures {
			if f.WithOld.Errors+f.Tuned.Errors > 0 {
				t.Errorf("%s: %s has failed requests: %+v", d.Decision, f.Measure, f)
			}
			seen[d.Decision+" "+f.Measure] = pair{f.WithOld.Value, f.Tuned.Value}
		}
	}
	for name, want := range map[string]pair{
		"S8 cold_read_turns":            {2, 1},
		"S8 cold_account_turns":         {2, 1},
		"S11 write_turns":               {1, 1}, // the lists' copies tell the ids, too
		"S11 write_without_lists_turns": {2, 1},
		"zero-turn warm_read_turns":     {1, 0},
		"all cold_read_turns":           {2, 1},
		"all first_request_turns":       {2, 1},
	} {
		if seen[name] != want {
			t.Errorf("%s: %+v, want %+v", name, seen[name], want)
		}
	}
	// Without the warm-up one connection may be open already by then: the change log's reader does not wait for a user.
	start, first := seen["S3 start_connections"], seen["S3 first_request_connections"]
	if start.tuned != 20 || first.tuned != 0 {
		t.Errorf("with the warm-up %v connections were opened before /readyz and %v with the first request, want 20 and 0", start.tuned, first.tuned)
	}
	if start.old > 1 || start.old+first.old < 1 {
		t.Errorf("without it %v and %v, want 1 at most and 1 at least of both together", start.old, first.old)
	}
	if len(got.Paths) != 3 || len(got.Failures)+len(got.NotMeasured) != 0 {
		t.Errorf("%d paths, failures %v, not measured %v", len(got.Paths), got.Failures, got.NotMeasured)
	}
	gone(t, dir)
}

// TestAblateSaysWhatDidNotStart: the report names it, and the exit code is 1.
func TestAblateSaysWhatDidNotStart(t *testing.T) {
	dir := labFolder(t)
	code, got, stderr := ablateRun(t.Context(), t, dir, append(os.Environ(), "LOG_FORMAT=xml"), "S8")
	if code != exit.Failed || !strings.Contains(stderr, "not every variant could be measured") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	var names []string
	for _, f := range got.Failures {
		names = append(names, f.Variant)
		if !strings.Contains(f.Error, "LOG_FORMAT") {
			t.Errorf("it does not say why: %s", f.Error)
		}
	}
	if !slices.Equal(names, []string{"tuned", "S8"}) {
		t.Errorf("failures %v", names)
	}
	gone(t, dir)
}

// TestAblateInterrupted: what was measured is printed, what was not is named, and nothing is left behind.
func TestAblateInterrupted(t *testing.T) {
	dir := labFolder(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		if serverOf(ctx, dir) {
			cancel(app.ErrInterrupted)
		}
	}()
	code, got, stderr := ablateRun(ctx, t, dir, os.Environ(), "S8,S5")
	if code != exit.Failed || !strings.Contains(stderr, "interrupted") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if !slices.Contains(got.NotMeasured, "S8") || !slices.Contains(got.NotMeasured, "S5") || len(got.Failures) != 0 {
		t.Errorf("not measured %v, failures %v", got.NotMeasured, got.Failures)
	}
	gone(t, dir)
}
