package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// labRun is a load test of seconds in a lab of its own: a warm phase whose targets are far away, and two restarts.
func labRun(dir string, more ...string) []string {
	return append([]string{
		"loadtest", "--lab", "--rtt", "0", "--data", dir, "--users", "10", "--phases", "warm,first", "--restarts", "2",
		"--rate", "200", "--duration", "2s", "--p99", "4s", "--first-target", "4s", "-o", "json",
	}, more...)
}

// Everything by itself, and nothing left behind: after a run, after Ctrl-C, after SIGKILL. The three share a folder, so
// that each also finds what the one before has left there.
func TestLoadtestLabLeavesNoProcess(t *testing.T) {
	dir := labFolder(t)
	t.Run("a run", func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), labRun(dir), &stdout, &stderr, os.Environ())
		if code != exit.OK {
			t.Fatalf("exit code %d\n%s%s", code, &stdout, &stderr)
		}
		var got struct {
			Server struct {
				ThroughPooler bool `json:"through_pooler"`
			}
			Phases []struct {
				Name, Verdict string
				Requests      int
				Turns         struct{ Max int } `json:"db_turns"`
				Side          struct {
					Series []struct{ Name, Source string }
				} `json:"server_timeline"`
			}
			NotSeen []struct{ What, Because string } `json:"not_seen"`
		}
		if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if !got.Server.ThroughPooler || len(got.Phases) != 2 {
			t.Fatalf("%+v", got)
		}
		if warm := got.Phases[0]; warm.Requests != 400 || warm.Turns.Max > 1 {
			t.Errorf("warm: %+v, want 400 requests of 1 DB turn at most", warm)
		}
		seen := map[string]bool{}
		for _, s := range got.Phases[0].Side.Series {
			seen[s.Source] = true
		}
		if len(seen) != 4 || len(got.NotSeen) != 1 || !strings.Contains(got.NotSeen[0].What, "phase first") {
			t.Errorf("the lab's server, pooler, database and Redis: seen %v, not seen %v", seen, got.NotSeen)
		}
		if first := got.Phases[1]; first.Requests != 2 || first.Turns.Max > 2 {
			t.Errorf("first: %+v, want 2 requests of 2 DB turns at most", first)
		}
		gone(t, dir)
	})
	t.Run("Ctrl-C", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			if serverOf(ctx, dir) {
				cancel(app.ErrInterrupted)
			}
		}()
		var stdout, stderr bytes.Buffer
		code := run(ctx, labRun(dir, "--duration", "30s"), &stdout, &stderr, os.Environ())
		// Before the first request there is nothing to report, and it could not be done; afterwards it is inconclusive.
		if code != exit.Failed && code != exit.Inconclusive {
			t.Errorf("exit code %d\n%s%s", code, &stdout, &stderr)
		}
		gone(t, dir)
	})
	t.Run("SIGKILL", func(t *testing.T) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), self, labRun(dir, "--duration", "30s")...)
		cmd.Args[0] = "honeydue"
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if !serverOf(t.Context(), dir) {
			t.Error("the server has not started")
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		gone(t, dir)
	})
}

// labFolder is a folder that the servers' unprivileged user can get into.
func labFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "lab")
}

// serverOf waits for a `honeydue serve` on the lab in dir.
func serverOf(ctx context.Context, dir string) bool {
	return within(ctx, func() bool {
		for _, p := range processesOf(dir) {
			if strings.Contains(p, "serve --addr") {
				return true
			}
		}
		return false
	})
}

func gone(t *testing.T, dir string) {
	t.Helper()
	if !within(t.Context(), func() bool { return len(processesOf(dir)) == 0 }) {
		t.Errorf("left behind: %q", processesOf(dir))
	}
}

func within(ctx context.Context, done func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if done() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return false
}

// processesOf lists the command lines of all processes, other than this one, that name dir on their command line or in
// their environment.
func processesOf(dir string) []string {
	var out []string
	names := func(text []byte) bool {
		return bytes.Contains(text, []byte(dir)) || bytes.Contains(text, []byte(url.QueryEscape(dir))) // as in DATABASE_URL
	}
	found, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range found {
		if self, err := os.Readlink("/proc/self"); err == nil && filepath.Base(p) == self {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		env, _ := os.ReadFile(filepath.Join(p, "environ"))
		if names(line) || names(env) {
			out = append(out, string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
		}
	}
	return out
}
