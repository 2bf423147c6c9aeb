package loadtestcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// readyTimeout bounds a server's way from its start to a /readyz that says yes.
const readyTimeout = time.Minute

// restartGrace is how long the user's command has to end once it is told to.
const restartGrace = time.Second

// restartBy runs the user's command and waits until the server is ready again. What has come back has to have started
// since, where it tells when, and to prove the pooler again.
func (a command) restartBy(ctx context.Context, command string, h *bench.Hitter, profile string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	before, _, err := h.Ask(ctx)
	if err != nil {
		before = bench.Server{} // it may be down already
	}
	h.Close() // the connection would be found dead
	said := &tail{}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command) //nolint:gosec // the caller's own command
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it ends as a whole: the shell passes no signal on
	cmd.Cancel = func() error { return signalGroup(cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = restartGrace // also: what it leaves in the background may keep the pipes
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		if cmd.Process != nil && ctx.Err() != nil {
			endGroup(cmd.Process.Pid)
		}
		return exit.Failedf("Run the command by hand: it has to end with exit code 0.",
			"--restart-cmd failed (%w): %s", err, a.Redact(strings.TrimSpace(said.String())))
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		server, ready, err := h.Ask(ctx)
		switch {
		case err != nil || !ready:
		case !server.StartedAt.IsZero() && server.StartedAt.Equal(before.StartedAt):
			return exit.Failedf("Give a command that ends the server and starts it anew, and returns when the old one is gone.",
				"--restart-cmd did not restart the server: it has run since %s, as it says itself", server.StartedAt.Format(time.RFC3339))
		default:
			return throughPooler(server, profile)
		}
		select {
		case <-ctx.Done():
			return exit.Failedf("Look at the server's own log, or at its /readyz, which says what it waits for.",
				"the server was not ready %v after --restart-cmd", readyTimeout)
		case <-tick.C:
		}
	}
}

// signalGroup signals all processes of a group; that there is none is os.ErrProcessDone, as exec.Cmd knows it.
func signalGroup(id int, s syscall.Signal) error {
	if err := syscall.Kill(-id, s); errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	} else if err != nil {
		return fmt.Errorf("signal %v to --restart-cmd: %w", s, err)
	}
	return nil
}

// endGroup gives what is left of a group that was told to end its time, then ends it at once.
func endGroup(id int) {
	for began := time.Now(); time.Since(began) < restartGrace; time.Sleep(20 * time.Millisecond) {
		if signalGroup(id, 0) != nil {
			return
		}
	}
	_ = signalGroup(id, syscall.SIGKILL) // gone by now, or not ours to end
}
