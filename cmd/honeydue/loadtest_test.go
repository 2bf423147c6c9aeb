package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// loadtestRun runs the command against a handler, whose address stands for URL in the arguments and is the target if they
// have none, and returns its exit code and what it printed.
func loadtestRun(ctx context.Context, t *testing.T, handler http.HandlerFunc, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	var out, errs bytes.Buffer
	args = append([]string{"loadtest"}, args...)
	named := false
	for i, arg := range args {
		args[i] = strings.Replace(arg, "URL", server.URL, 1)
		named = named || args[i] != arg
	}
	if !named {
		args = append(args, "--target", server.URL)
	}
	code = run(ctx, args, &out, &errs, []string{"NO_COLOR=1"})
	return code, out.String(), errs.String()
}

// One path of any server; the targets are far away, so that only counts decide.
func TestLoadtestGet(t *testing.T) {
	var asked atomic.Int64
	handler := func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() == "/hello?x=1" && r.Header.Get("Authorization") == "" {
			asked.Add(1)
		}
	}
	code, stdout, stderr := loadtestRun(t.Context(), t, handler,
		"get", "URL/hello?x=1", "--rate", "600", "--duration", "500ms", "--p99", "4s", "--max-connections", "20", "-o", "json")
	if code != exit.OK {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	var got struct {
		Schema  string
		Verdict string
		Phases  []struct {
			Name        string
			Requests    int
			OverAllowed int `json:"over_allowed"`
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != "honeydue.loadtest/1" || got.Verdict != "pass" || len(got.Phases) != 1 ||
		got.Phases[0].Name != "get" || got.Phases[0].Requests != 300 || asked.Load() != 300 {
		t.Errorf("%+v, the server was asked %d times", got, asked.Load())
	}
}

// A TLS server of a private authority is measured over HTTP/2 with --ca, and not at all without it.
func TestLoadtestTrustsAPrivateAuthority(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of those who do not trust it
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	get := []string{"loadtest", "get", server.URL + "/", "--rate", "600", "--duration", "500ms", "--p99", "4s", "-o", "json"}
	var out, errs bytes.Buffer
	if code := run(t.Context(), append(get, "--ca", ca), &out, &errs, nil); code == exit.Failed || code == exit.BadUsage || !strings.Contains(out.String(), `"http_version": 2`) || !strings.Contains(out.String(), `"errors": 0`) {
		t.Errorf("with --ca: exit code %d\n%s%s", code, out.String(), errs.String())
	}
	out.Reset()
	if code := run(t.Context(), get, &out, &errs, nil); code == exit.OK || !strings.Contains(out.String(), `"tls": `) {
		t.Errorf("without: exit code %d\n%s", code, out.String())
	}
}

// What can't be sent as it was typed is refused before anything is sent.
func TestLoadtestSendsWhatWasTyped(t *testing.T) {
	var asked sync.Map
	handler := func(_ http.ResponseWriter, r *http.Request) { asked.Store(r.RequestURI, true) }
	flags := []string{"--rate", "600", "--duration", "500ms", "--p99", "4s"}
	for _, path := range []string{"/a b", "/a#b", "/a\tb"} {
		if code, stdout, _ := loadtestRun(t.Context(), t, handler, append([]string{"get", "URL" + path}, flags...)...); code != exit.BadUsage || stdout != "" {
			t.Errorf("get %q: exit code %d", path, code)
		}
	}
	asked.Range(func(path, _ any) bool {
		t.Errorf("%v was sent", path)
		return true
	})
	if code, stdout, stderr := loadtestRun(t.Context(), t, handler, append([]string{"get", "URL/files/a%2Fb%20c"}, flags...)...); code != exit.OK {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	asked.Range(func(path, _ any) bool {
		if path != "/files/a%2Fb%20c" {
			t.Errorf("%v was sent", path)
		}
		return true
	})
}

func TestLoadtestExpectsStatuses(t *testing.T) {
	var n atomic.Int64
	handler := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader([]int{http.StatusMovedPermanently, http.StatusNotFound}[n.Add(1)%2])
	}
	flags := []string{"--rate", "600", "--duration", "500ms", "--p99", "4s", "-o", "json"}
	for _, tc := range []struct {
		expect string
		code   int
		want   string
	}{
		{"301,404", exit.OK, `"errors": 0`},
		{"200,404", exit.Finding, `"301": `},
		{"301,teapot", exit.BadUsage, ""},
		{"99", exit.BadUsage, ""},
	} {
		if code, stdout, _ := loadtestRun(t.Context(), t, handler, append([]string{"get", "URL/", "--expect", tc.expect}, flags...)...); code != tc.code || !strings.Contains(stdout, tc.want) {
			t.Errorf("--expect %s: exit code %d\n%s", tc.expect, code, stdout)
		}
	}
	if code, _, _ := loadtestRun(t.Context(), t, handler, "--target", "URL", "--expect", "404", "--profile", "smoke"); code != exit.BadUsage {
		t.Errorf("without get: exit code %d", code)
	}
}

func TestLoadtestExitCodes(t *testing.T) {
	get := []string{"get", "URL/", "--rate", "600", "--duration", "500ms", "--p99", "4s"}
	t.Run("a target that is missed", func(t *testing.T) {
		code, stdout, _ := loadtestRun(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}, get...)
		if code != exit.Finding || !strings.Contains(stdout, "FAIL") || !strings.Contains(stdout, "503") {
			t.Errorf("exit code %d\n%s", code, stdout)
		}
	})
	t.Run("too few to say", func(t *testing.T) {
		var n atomic.Int64
		code, stdout, _ := loadtestRun(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
			if n.Add(1) == 150 { // 1 of 300: 473 would be needed
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}, get...)
		if code != exit.Inconclusive || !strings.Contains(stdout, "473 requests with as many would do") {
			t.Errorf("exit code %d\n%s", code, stdout)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var n atomic.Int64
		code, stdout, _ := loadtestRun(ctx, t, func(http.ResponseWriter, *http.Request) {
			if n.Add(1) == 100 {
				cancel(app.ErrInterrupted)
			}
		}, "get", "URL/", "--rate", "200", "--duration", "1m", "--p99", "4s")
		if code != exit.Inconclusive || !strings.Contains(stdout, "interrupted") {
			t.Errorf("exit code %d\n%s", code, stdout)
		}
	})
}

// The release gate demands a server that reaches its database through a pooler, and says so by /readyz.
func TestLoadtestReleaseDemandsThePooler(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("1 aaa\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, readyz := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"direct":    {200, `{"ready":true,"through_pooler":false}`, "reaches its database without one"},
		"silent":    {200, `{"ready":true}`, "does not speak of it"},
		"ablated":   {200, `{"ready":true,"through_pooler":true,"ablated":["s8"]}`, "has decision s8 turned back"},
		"not ready": {503, `{"ready":false,"reason":"warming up"}`, "the server is not ready"},
		"no JSON":   {200, `ok`, "has no /readyz that answers in JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			var others atomic.Int64
			code, stdout, stderr := loadtestRun(t.Context(), t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/readyz" {
					others.Add(1)
				}
				w.WriteHeader(readyz.status)
				_, _ = w.Write([]byte(readyz.body))
			}, "--tokens", tokens, "--phases", "warm")
			if code != exit.Failed || !strings.Contains(stderr, readyz.want) || stdout != "" {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
			if n := others.Load(); n != 0 {
				t.Errorf("%d requests were sent to a server that was refused", n)
			}
		})
	}
}

// --restart-cmd runs before each first request, and what it prints is told when it fails.
func TestLoadtestRestartCommand(t *testing.T) {
	dir := t.TempDir()
	tokens, restarts := filepath.Join(dir, "tokens"), filepath.Join(dir, "restarts")
	if err := os.WriteFile(tokens, []byte("1 aaa\n2 bbb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	handler := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Status", "token; fwd=uri-miss")
		_, _ = w.Write([]byte(`{"ready":true,"through_pooler":true}`))
	}
	first := []string{"--tokens", tokens, "--phases", "first", "--restarts", "2", "--first-target", "4s"}
	code, stdout, stderr := loadtestRun(t.Context(), t, handler, append(first, "--restart-cmd", "echo x >>"+restarts)...)
	if code != exit.OK || !strings.Contains(stdout, "2 of 2 restarts under") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if got, err := os.ReadFile(restarts); err != nil || string(got) != "x\nx\n" {
		t.Errorf("the command has run for %q, %v", got, err)
	}
	code, _, stderr = loadtestRun(t.Context(), t, handler, append(first, "--restart-cmd", "echo no such unit; exit 5")...)
	if code != exit.Failed || !strings.Contains(stderr, "restart 1 of 2: --restart-cmd failed (exit status 5): no such unit") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	// What tells when it has started has to have started since.
	tells := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Status", "token; fwd=uri-miss")
		at := int64(0)
		if text, err := os.ReadFile(restarts); err == nil {
			at = int64(len(text))
		}
		fmt.Fprintf(w, `{"ready":true,"through_pooler":true,"started_at":"2026-01-02T03:04:05.%03dZ"}`, at)
	}
	code, stdout, stderr = loadtestRun(t.Context(), t, tells, append(first, "--restart-cmd", "echo x >>"+restarts)...)
	if code != exit.OK || !strings.Contains(stdout, "2 of 2 restarts under") {
		t.Errorf("restarted: exit code %d\n%s%s", code, stdout, stderr)
	}
	code, _, stderr = loadtestRun(t.Context(), t, tells, append(first, "--restart-cmd", "true")...)
	if code != exit.Failed || !strings.Contains(stderr, "restart 1 of 2: --restart-cmd did not restart the server: it has run since 2026-01-02T03:04:05Z") || !strings.Contains(stderr, "Give a command that ends the server and starts it anew") {
		t.Errorf("a command that does nothing: exit code %d\n%s", code, stderr)
	}
	// What comes back has to prove the pooler again.
	var asked atomic.Int64
	code, stdout, stderr = loadtestRun(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"ready":true,"through_pooler":%v}`, asked.Add(1) == 1)
	}, append(first, "--restart-cmd", "true")...)
	if code == exit.OK || strings.HasPrefix(stdout, "PASS") || !strings.Contains(stderr, "reaches its database without one") {
		t.Errorf("restarted without the pooler: exit code %d\n%s%s", code, stdout, stderr)
	}
}

// Each run begins at a place of its own in the file: a server remembers the users of the last one for an hour.
func TestLoadtestRunsTakeOtherUsers(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&lines, "%d token%d\n", i+1, i+1)
	}
	if err := os.WriteFile(tokens, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked := make(map[string]int)
	for range 4 { // that all begin at the same of 1000 places does not happen
		code, stdout, stderr := loadtestRun(t.Context(), t, func(w http.ResponseWriter, r *http.Request) {
			if as := r.Header.Get("Authorization"); as != "" {
				mu.Lock()
				asked[as]++
				mu.Unlock()
			}
			w.Header().Set("Cache-Status", "token; fwd=uri-miss")
			_, _ = w.Write([]byte(`{"ready":true,"through_pooler":true}`))
		}, "--tokens", tokens, "--phases", "first", "--restarts", "1", "--first-target", "4s", "--restart-cmd", "true")
		if code != exit.OK {
			t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
		}
	}
	if len(asked) < 2 {
		t.Errorf("four runs have asked as %v", asked)
	}
}
