package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// vegetaCommand is the real command, of the module that this one is built with.
func vegetaCommand(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vegeta")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/tsenart/vegeta/v12").CombinedOutput(); err != nil {
		t.Fatalf("build vegeta: %v\n%s", err, out)
	}
	return path
}

// What -o vegeta writes is what vegeta's own commands read: report, encode and plot find the counts and latencies that
// the run has.
func TestVegetaReadsALoadTest(t *testing.T) {
	vegeta := vegetaCommand(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		time.Sleep(time.Duration(n) * time.Millisecond)
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusGone)
		}
		_, _ = io.WriteString(w, "12345")
	}))
	t.Cleanup(server.Close)
	for name, tc := range map[string]struct {
		targets string
		code    int
		codes   map[string]int
		errors  []string
	}{
		"good": {"GET {}/a?n=1\nGET {}/a?n=10\nGET {}/b%2Fc?n=5\nX-One: 1\n\nGET {}/a?n=20\n", exit.OK, map[string]int{"200": 360}, []string{}},
		"bad":  {"GET {}/a?n=1\nGET {}/a?n=1\nGET {}/a?n=1\nGET {}/gone\n", exit.Finding, map[string]int{"200": 270, "410": 90}, []string{"410"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := func(name string) string { return filepath.Join(dir, name) }
			if err := os.WriteFile(file("targets"), []byte(strings.ReplaceAll(tc.targets, "{}", server.URL)), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			if code := run(t.Context(), []string{
				"loadtest", "get", "--targets", file("targets"), "--rate", "360", "--duration", "1s", "--p99", "4s",
				"-o", "vegeta", "--out", file("results"), "--save", file("run.json"),
			}, &out, &errs, nil); code != tc.code || out.Len() > 0 {
				t.Fatalf("exit code %d\n%s%s", code, out.String(), errs.String())
			}
			ask := func(args ...string) []byte {
				t.Helper()
				out, err := exec.CommandContext(t.Context(), vegeta, args...).Output()
				if err != nil {
					t.Fatalf("vegeta %v: %v", args, err)
				}
				return out
			}

			var report struct {
				Requests    int
				StatusCodes map[string]int `json:"status_codes"`
				Errors      []string
				Latencies   struct {
					P99 float64 `json:"99th"`
					Max float64
				}
				BytesIn struct{ Total int } `json:"bytes_in"`
			}
			if err := json.Unmarshal(ask("report", "-type=json", file("results")), &report); err != nil {
				t.Fatal(err)
			}
			if report.Requests != 360 || fmt.Sprint(report.StatusCodes) != fmt.Sprint(tc.codes) || !slices.Equal(report.Errors, tc.errors) || report.BytesIn.Total != 5*360 {
				t.Errorf("%+v", report)
			}
			if page := ask("plot", file("results")); !bytes.Contains(page, []byte("<html")) || len(page) < 10_000 {
				t.Errorf("a plot of %d bytes", len(page))
			}

			rows, err := csv.NewReader(bytes.NewReader(ask("encode", "-to", "csv", file("results")))).ReadAll()
			if err != nil || len(rows) != 360 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			var took []float64
			for _, row := range rows {
				ns, err := strconv.ParseFloat(row[2], 64)
				if err != nil {
					t.Fatal(err)
				}
				took = append(took, ns/1e6)
			}
			slices.Sort(took)
			if tc.code != exit.OK {
				return // what has failed is judged by the time-out
			}
			var saved struct {
				Result struct {
					Phases []struct {
						Latency struct{ P50, P99, Max float64 } `json:"latency_ms"`
					}
				}
			}
			text, err := os.ReadFile(file("run.json"))
			if err == nil {
				err = json.Unmarshal(text, &saved)
			}
			if err != nil {
				t.Fatal(err)
			}
			own := saved.Result.Phases[0].Latency
			for what, pair := range map[string][2]float64{
				"p50": {own.P50, took[179]}, "p99": {own.P99, took[356]}, "max": {own.Max, took[359]}, "vegeta's max": {report.Latencies.Max / 1e6, took[359]},
			} {
				if math.Abs(pair[0]-pair[1]) > 0.002*pair[1] {
					t.Errorf("%s: %v, by vegeta %v", what, pair[0], pair[1])
				}
			}
			// vegeta's own percentile is an estimate.
			if p99 := report.Latencies.P99 / 1e6; p99 < took[349] || p99 > took[359] {
				t.Errorf("vegeta's p99 %v, not near %v", p99, own.P99)
			}
		})
	}
}

// Both of vegeta's formats of targets are asked as they say, and what can't be is refused before anything is sent.
func TestLoadtestTakesVegetasTargets(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, strings.Join([]string{r.Method, r.RequestURI, r.Host, r.Header.Get("X-One"), r.Header.Get("Content-Type"), string(body)}, " "))
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	dir := t.TempDir()
	bodyFile := filepath.Join(dir, "body")
	if err := os.WriteFile(bodyFile, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	try := func(targets string, more ...string) (int, string) {
		t.Helper()
		asked = nil
		path := filepath.Join(dir, "targets")
		if err := os.WriteFile(path, []byte(targets), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		args := append([]string{"loadtest", "get", "--targets", path, "--rate", "300", "--duration", "1s", "--p99", "4s"}, more...)
		return run(t.Context(), args, &out, &errs, nil), errs.String()
	}
	for name, targets := range map[string]string{
		"http": "GET " + server.URL + "/a%2Fb?x=%41\n\n# a remark\nPOST " + server.URL + "\nX-One: 1\nHost: other.test\n@" + bodyFile + "\n",
		"json": `{"method":"GET","url":"` + server.URL + `/a%2Fb?x=%41"}` + "\n" +
			`{"method":"POST","url":"` + server.URL + `","header":{"X-One":["1"],"Host":["other.test"]},"body":"` + base64.StdEncoding.EncodeToString([]byte("from a file")) + `"}`,
	} {
		if code, errs := try(targets); code != exit.OK {
			t.Errorf("%s: exit code %d: %s", name, code, errs)
		}
		counts := map[string]int{}
		for _, a := range asked {
			counts[a]++
		}
		want := map[string]int{"GET /a%2Fb?x=%41 " + host + "   ": 150, "POST / other.test 1  from a file": 150}
		if fmt.Sprint(counts) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, counts, want)
		}
	}
	for name, targets := range map[string]string{
		"empty": "\n", "no target": "hello\n", "a blank": "GET " + server.URL + "/a b\n", "a fragment": "GET " + server.URL + "/a#b\n",
		"two servers": "GET " + server.URL + "/\nGET http://127.0.0.1:1/\n", "a password": "GET http://u:canary-PASSWORD@" + host + "/\n",
		"a header": "GET " + server.URL + "/\nAuthorization canary-PASSWORD\n", "another host": "GET http://203.0.113.7/\n",
		"no JSON": `{"method":"GET"` + "\n",
	} {
		if code, errs := try(targets); code != exit.BadUsage || strings.Contains(errs, "canary") {
			t.Errorf("%s: exit code %d: %s", name, code, errs)
		}
	}
	if code, _ := try("GET "+server.URL+"/\n", "--target", "http://127.0.0.1:1"); code != exit.BadUsage {
		t.Errorf("another --target: exit code %d", code)
	}
	if code, errs := try("GET "+server.URL+"/\n", "--expect", "404"); code != exit.Finding {
		t.Errorf("another status than the expected one: exit code %d: %s", code, errs)
	}
}

// An interrupted run leaves the requests that were measured, to be read to their end.
func TestAnInterruptedRunCanBeRead(t *testing.T) {
	vegeta := vegetaCommand(t)
	var n atomic.Int64
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	code, stdout, _ := loadtestRun(ctx, t, func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == 100 {
			cancel(app.ErrInterrupted)
		}
	}, "get", "URL/", "--rate", "200", "--duration", "1m", "--p99", "4s", "-o", "vegeta")
	if code != exit.Inconclusive {
		t.Errorf("exit code %d", code)
	}
	cmd := exec.CommandContext(t.Context(), vegeta, "report", "-type=json")
	cmd.Stdin = strings.NewReader(stdout)
	out, err := cmd.Output()
	var report struct{ Requests int64 }
	if err == nil {
		err = json.Unmarshal(out, &report)
	}
	if err != nil || report.Requests != n.Load() {
		t.Errorf("%d requests of %d, %v", report.Requests, n.Load(), err)
	}
}
