package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cli/exit"
)

type comparisonReport struct {
	Verdict    string
	Comparison struct {
		Finding  string
		Slices   int
		Baseline struct{ URL string }
	}
	Phases []struct{ Name string }
}

// Two servers take turns, and the exit code says what was found. The slower one is far above what a loaded machine adds.
func TestLoadtestAgainst(t *testing.T) {
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(400 * time.Millisecond) }))
	t.Cleanup(slow.Close)
	fast := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(5 * time.Millisecond) }))
	t.Cleanup(fast.Close)
	compare := func(t *testing.T, target, against string, more ...string) (code int, got comparisonReport) {
		t.Helper()
		var out, errs bytes.Buffer
		code = run(t.Context(), append([]string{
			"loadtest", "compare", target, against, "--get", "/", "--rate", "250",
			"--slices", "5", "--slice-length", "400ms", "--p99", "4s", "-o", "json",
		}, more...), &out, &errs, []string{"NO_COLOR=1"})
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
		}
		return code, got
	}
	t.Run("a regression", func(t *testing.T) {
		code, got := compare(t, slow.URL, fast.URL)
		if code != exit.Finding || got.Verdict != "fail" || got.Comparison.Finding != "regression" || got.Comparison.Slices != 5 ||
			got.Comparison.Baseline.URL != fast.URL || len(got.Phases) != 2 {
			t.Errorf("exit code %d, %+v", code, got)
		}
	})
	t.Run("an improvement, of a production host over another one", func(t *testing.T) {
		elsewhere := strings.Replace(slow.URL, "127.0.0.1", "localhost", 1)
		if code, got := compare(t, fast.URL, elsewhere, "--production-host", "127.0.0.1", "--i-mean", "127.0.0.1"); code != exit.OK || got.Comparison.Finding != "improvement" {
			t.Errorf("exit code %d, %+v", code, got)
		}
	})
}

// Each side of a comparison must be what the gate of the profile demands, the baseline too.
func TestLoadtestAgainstGatesBothServers(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("1 aaa\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	direct := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"ready":true,"through_pooler":false}`))
	}))
	t.Cleanup(direct.Close)
	code, stdout, stderr := loadtestRun(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"ready":true,"through_pooler":true}`))
	}, "compare", "URL", direct.URL, "--tokens", tokens)
	if code != exit.Failed || !strings.Contains(stderr, "reaches its database without one") || stdout != "" {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// A run is compared with the report of an earlier one; what has changed does not change the verdict.
func TestLoadtestCompareWith(t *testing.T) {
	file := filepath.Join(t.TempDir(), "earlier.json")
	get := []string{"get", "URL/", "--rate", "600", "--duration", "500ms", "--p99", "4s"}
	code, stdout, stderr := loadtestRun(t.Context(), t, func(http.ResponseWriter, *http.Request) {}, append(get, "--out", file)...)
	if code != exit.OK {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	slower := func(http.ResponseWriter, *http.Request) { time.Sleep(400 * time.Millisecond) }
	code, stdout, stderr = loadtestRun(t.Context(), t, slower, append(get, "--baseline", file)...)
	if code != exit.OK || !strings.Contains(stdout, "Since the run of") || !strings.Contains(stdout, "false alarm") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, _ = loadtestRun(t.Context(), t, slower, append(get, "--baseline", file, "-o", "json")...)
	var got struct {
		Since struct {
			Caveat string
			Phases []struct {
				P50 struct{ Before, After float64 } `json:"p50_ms"`
			}
		} `json:"compared_with"`
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exit.OK {
		t.Fatalf("exit code %d, %v", code, err)
	}
	if len(got.Since.Phases) != 1 || got.Since.Caveat == "" || got.Since.Phases[0].P50.After <= got.Since.Phases[0].P50.Before {
		t.Errorf("%+v", got)
	}
	// Another shape is refused before anything is sent.
	code, stdout, stderr = loadtestRun(t.Context(), t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") },
		"get", "URL/", "--rate", "500", "--duration", "1s", "--p99", "4s", "--baseline", file)
	if code != exit.BadUsage || stdout != "" || !strings.Contains(stderr, "had 600 requests/s then, and has 500 now") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// The end of the search is reached at once by a server that answers at once; one that refuses has no capacity.
func TestLoadtestCapacity(t *testing.T) {
	var got struct {
		Verdict  string
		Profile  string
		Capacity struct {
			RPS       float64
			LimitedBy string `json:"limited_by"`
			Steps     []struct{ Requests int }
		}
	}
	args := []string{"capacity", "--target", "URL", "--get", "/", "--p99", "4s", "--start-rate", "400", "--max-rate", "600", "--duration", "500ms", "-o", "json"}
	code, stdout, stderr := loadtestRun(t.Context(), t, func(http.ResponseWriter, *http.Request) {}, args...)
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if code != exit.OK || got.Profile != "capacity" || got.Capacity.RPS != 600 || got.Capacity.LimitedBy != "the end of the search, 600 requests/s" ||
		len(got.Capacity.Steps) < 3 || got.Capacity.Steps[0].Requests < 473 {
		t.Errorf("exit code %d, %+v\n%s", code, got, stderr)
	}
	code, stdout, _ = loadtestRun(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"capacity", "--target", "URL", "--get", "/", "--p99", "4s", "--start-rate", "400", "--max-rate", "400", "--duration", "100ms")
	if code != exit.Finding || !strings.Contains(stdout, "the server's own (5xx)") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}
