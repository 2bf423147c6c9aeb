package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bound is how long a server may outlive its parent on a busy machine; on an
// idle one it takes a second (see the log).
const bound = time.Minute

// startHelper starts this binary as a process that keeps a lab, and returns it
// when the lab is ready.
func startHelper(t *testing.T, dir, guardName string) (*exec.Cmd, State) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), helperDir+"="+dir, helperGuard+"="+guardName)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		if s, err := ReadState(dir); err == nil && s.Ready && s.PID == cmd.Process.Pid {
			return cmd, s
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("the helper's lab is not ready: %s", said.String())
	return nil, State{}
}

// remaining lists the lab's processes that are alive: those that the state
// named, and, where the system shows it, whoever works in the folder.
func remaining(dir string, s State) []string {
	var found []string
	for _, v := range s.Servers {
		if _, alive := identify(v.PID); alive && strings.Contains(commandOf(v.PID), v.Name) {
			found = append(found, v.Name)
		}
	}
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, l := range links {
		if cwd, err := os.Readlink(l); err == nil && strings.HasPrefix(cwd, dir+"/") {
			found = append(found, l+" in "+cwd)
		}
	}
	return found
}

func requireGone(t *testing.T, dir string, s State) {
	t.Helper()
	began := time.Now()
	for {
		left := remaining(dir, s)
		if left == nil {
			t.Logf("all gone after %s", time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Since(began) > bound {
			t.Fatalf("still there %s after the parent's death: %v", bound, left)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestNoServerOutlivesItsParent(t *testing.T) {
	for _, c := range []struct {
		name, guard string
		signal      syscall.Signal
	}{
		{"SIGKILL", "", syscall.SIGKILL},
		{"SIGKILL with a watchdog", "watchdog", syscall.SIGKILL},
		{"SIGTERM", "", syscall.SIGTERM},
		{"SIGTERM with a watchdog", "watchdog", syscall.SIGTERM},
		{"SIGINT", "", syscall.SIGINT},
		{"SIGQUIT, a crash with a stack trace", "", syscall.SIGQUIT},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := testDir(t)
			cmd, s := startHelper(t, dir, c.guard)
			// A client in the middle of a statement must not hold anything up.
			busy := connect(t, s.Env.DirectURL)
			go func() { _, _ = busy.Exec(context.WithoutCancel(t.Context()), "SELECT pg_sleep(600)") }()
			if _, err := connect(t, s.Env.DirectURL).Exec(t.Context(), "CREATE TABLE written (id int)"); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			err := cmd.Wait()
			if orderly := c.signal == syscall.SIGTERM || c.signal == syscall.SIGINT; orderly && err != nil {
				t.Errorf("the helper ended with %v", err)
			}
			requireGone(t, s.Dir, s)

			l := startLab(t, Config{Dir: dir})
			if n := value[int](t, connect(t, l.Env().DirectURL), "SELECT count(*) FROM written"); n != 0 {
				t.Errorf("%d rows", n)
			}
		})
	}
}

// TestRecoveryEndsOrphans is for the case that must not happen: the parent is
// gone and its servers are not.
func TestRecoveryEndsOrphans(t *testing.T) {
	for _, c := range []struct {
		name string
		next func(*testing.T, string)
	}{
		{"by the next start", func(t *testing.T, dir string) { startLab(t, Config{Dir: dir}) }},
		{"by down", func(t *testing.T, dir string) {
			var none *NotRunningError
			if err := Down(t.Context(), dir); !asError(err, &none) {
				t.Errorf("Down = %v", err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := testDir(t)
			cmd, s := startHelper(t, dir, "none")
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			now, err := ReadState(dir)
			if err != nil || now.Running || !now.Servers[0].Running || !now.Servers[1].Running || !now.Servers[2].Running {
				t.Fatalf("three orphans were meant to be there: %+v, %v", now, err)
			}
			c.next(t, dir)
			for _, v := range s.Servers {
				if p, alive := identify(v.PID); alive && strings.Contains(commandOf(p.PID), v.Name) {
					t.Errorf("%s of the dead lab still runs", v.Name)
				}
			}
		})
	}
}

// TestRecoverySparesStrangers: pids are given out again. Neither a process that
// has one of the last lab's, nor one that postmaster.pid names, is touched.
func TestRecoverySparesStrangers(t *testing.T) {
	dir := testDir(t)
	l := startLab(t, Config{Dir: dir})
	if err := l.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	stranger := exec.Command("sleep", "600")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stranger.Process.Kill()
		_ = stranger.Wait()
	}()
	pid := stranger.Process.Pid
	p, _ := identify(pid)
	postmaster := itoa(pid) + "\n" + l.dir.postgres() + "\n1700000000\n5432\n\n127.0.0.1\n         0         0\nready   \n"
	if err := l.account.ownedFile(filepath.Join(l.dir.postgres(), "postmaster.pid"), []byte(postmaster)); err != nil {
		t.Fatal(err)
	}
	r, err := readRecord(l.dir)
	if err != nil {
		t.Fatal(err)
	}
	r.Servers = map[string]process{
		namePostgres: {PID: pid, Started: "an earlier time"}, // the pid was reused
		namePooler:   p,                                      // even to the very moment
	}
	if err := r.write(l.dir); err != nil {
		t.Fatal(err)
	}
	startLab(t, Config{Dir: dir})
	if !p.alive() {
		t.Error("a stranger was killed")
	}
}

// TestRecoveryRefusesAForeignPostgres: somebody else's Postgres works on the
// folder. It is neither ended nor joined.
func TestRecoveryRefusesAForeignPostgres(t *testing.T) {
	dir := testDir(t)
	cmd, s := startHelper(t, dir, "none")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	f := folder(s.Dir)
	r, err := readRecord(f)
	if err != nil {
		t.Fatal(err)
	}
	mine := r.Servers[namePostgres]
	delete(r.Servers, namePostgres) // as if no lab had started it
	if err := r.write(f); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), itoa(mine.PID)) {
		t.Errorf("Start = %v, want a refusal that names process %d", err, mine.PID)
	}
	if !mine.alive() {
		t.Error("it was ended all the same")
	}
	if err := endOrphan(t.Context(), namePostgres, mine); err != nil {
		t.Error(err)
	}
}

func TestDetachedLab(t *testing.T) {
	dir := testDir(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(helperDir, dir)
	s, err := StartDetached(t.Context(), exe, nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = Down(context.WithoutCancel(t.Context()), dir) }()
	if err := ask(t.Context(), s.Env.DatabaseURL, "SELECT 1"); err != nil {
		t.Error(err)
	}
	if sid, err := sessionOf(s.PID); err != nil || sid != s.PID {
		t.Errorf("the supervisor %d is in session %d (%v), and dies with its terminal", s.PID, sid, err)
	}
	var locked *LockedError
	if _, err := StartDetached(t.Context(), exe, nil, dir); !asError(err, &locked) || locked.PID != s.PID {
		t.Errorf("a second detached lab: %v", err)
	}
	if err := Down(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	requireGone(t, s.Dir, s)
	var none *NotRunningError
	if err := Down(t.Context(), dir); !asError(err, &none) {
		t.Errorf("Down without a lab = %v", err)
	}
	if err := Down(t.Context(), filepath.Join(dir, "nowhere")); !asError(err, &none) {
		t.Errorf("Down without a folder = %v", err)
	}
}

func TestDetachedLabThatFailsSaysWhy(t *testing.T) {
	dir := testDir(t)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := StartDetached(t.Context(), "/bin/sh", []string{"-c", "echo no bees today >&2; exit 3"}, dir)
	if err == nil || !strings.Contains(err.Error(), "no bees today") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("StartDetached = %v", err)
	}
}
