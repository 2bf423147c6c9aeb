package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// TestSweepOfConnections: a server starts with fewer connections than the tuned idle ones, the values next to each other
// do not mix, and the report says what else was set.
func TestSweepOfConnections(t *testing.T) {
	dir := labFolder(t)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{
		"loadtest", "sweep", "DB_MAX_CONNS=5,40", "--rtt", "2ms", "--rate", "150", "--duration", "2s", "--data", dir, "-o", "json",
	}, &stdout, &stderr, os.Environ())
	if code != exit.OK {
		t.Fatalf("exit code %d\n%s%s", code, &stdout, &stderr)
	}
	var got bench.Sweep
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"5": {"DB_MIN_IDLE_CONNS=5"}, "40": nil}
	if len(got.Rows) != len(want) {
		t.Fatalf("%d rows", len(got.Rows))
	}
	for _, r := range got.Rows {
		if beside, known := want[r.Value]; !known || !slices.Equal(r.Beside, beside) || r.Error != "" || len(r.Phases) != 2 || r.First.Errors+r.Burst.Errors != 0 {
			t.Errorf("%+v, want it beside %v", r, beside)
		}
	}
	gone(t, dir)
}
