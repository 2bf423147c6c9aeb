package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// userTokens writes a file of two users and returns its path and the second's token.
func userTokens(t *testing.T) (path, token string) {
	t.Helper()
	path, token = filepath.Join(t.TempDir(), "tokens"), strings.Repeat("c0ffee", 6)+"beef"
	if err := os.WriteFile(path, []byte("1 "+strings.Repeat("d", 40)+"\n2 "+token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, token
}

func readyServer(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`{"ready":true,"through_pooler":true}`))
}

// What the command prints is told, and a token in it is not.
func TestRestartCommandTellsNoToken(t *testing.T) {
	tokens, token := userTokens(t)
	code, stdout, stderr := loadtestRun(t.Context(), t, readyServer, "--tokens", tokens, "--phases", "first", "--restarts", "2",
		"--restart-cmd", "echo it was $(tail -1 "+tokens+") >&2; exit 1")
	if code == exit.OK || strings.Contains(stdout+stderr, token) || !strings.Contains(stderr, "it was 2 *****") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// Ctrl-C leaves nothing of the command: not what it has started, and not what is deaf to SIGTERM.
func TestCtrlCEndsTheRestartCommand(t *testing.T) {
	for name, deaf := range map[string]string{"kindly": "", "deaf": "trap '' TERM; "} {
		t.Run(name, func(t *testing.T) {
			tokens, _ := userTokens(t)
			alive := filepath.Join(t.TempDir(), "alive")
			if err := syscall.Mkfifo(alive, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, interrupt := context.WithCancelCause(t.Context())
			defer interrupt(nil)
			// The pipe ends when the last process that has it open does.
			ended := make(chan error, 1)
			go func() {
				f, err := os.Open(alive)
				if err == nil {
					_, err = f.Read(make([]byte, 1))
					interrupt(app.ErrInterrupted)
				}
				if err == nil {
					_, err = io.Copy(io.Discard, f)
				}
				ended <- err
			}()
			code, stdout, stderr := loadtestRun(ctx, t, readyServer, "--tokens", tokens, "--phases", "first", "--restarts", "2",
				"--restart-cmd", deaf+"exec 9>"+alive+"; sleep 60 & echo >&9; wait; sleep 60")
			if code == exit.OK || !strings.Contains(stdout, "stopped after 0 of 2 restarts") {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(20 * time.Second): // well below the command's own end
				t.Error("a process of the command is still alive")
			}
		})
	}
}

// A server that does not know the tokens is told from one that is broken.
func TestWarmUpWithForeignTokens(t *testing.T) {
	tokens, _ := userTokens(t)
	code, _, stderr := loadtestRun(t.Context(), t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		readyServer(w, r)
	}, "--tokens", tokens, "--profile", "smoke", "--phases", "warm")
	if code != exit.Failed || !strings.Contains(stderr, "failed: status 401") || !strings.Contains(stderr, "Write new ones with honeydue seed --tokens FILE") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// A scenario that could not remove its data, or is stopped at once, names the command that does, with its folder.
func TestScenarioNamesTheCleanUp(t *testing.T) {
	dir := t.TempDir()
	file, state := filepath.Join(dir, "s.yaml"), filepath.Join(dir, "my state")
	scenario := "name: s\nusers: {register: 1}\ndata: {residences: 1}\nsteps: [{do: me, weight: 1}]\n" +
		"thresholds: {p99: 4s}\nphases: [{name: one, shape: constant, rate: 100, duration: 4s}]\n"
	if err := os.WriteFile(file, []byte(scenario), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, words := app.WithLastWords(t.Context())
	second := make(chan string, 1) // what a second signal would say in the middle
	handler := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/readyz":
			readyServer(w, r)
		case "/api/auth/register/":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"token":"` + strings.Repeat("a", 40) + `","user":{"id":7}}`))
		default:
			select {
			case second <- words.Or("nothing"):
			default:
			}
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	code, _, stderr := loadtestRun(ctx, t, handler, "scenario", file, "--target", "URL", "--state", state)
	command := "honeydue loadtest cleanup --state '" + state + "'"
	if code != exit.Failed || !strings.Contains(stderr, "Remove it with: "+command) {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if got := <-second; !strings.Contains(got, command) {
		t.Errorf("a second signal says %q", got)
	}
	if got := words.Or("nothing"); got != "nothing" {
		t.Errorf("after the run a second signal says %q", got)
	}
}
