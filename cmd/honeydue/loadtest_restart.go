package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/bench"
)

// readyTimeout bounds a server's way from its start to a /readyz that says yes.
const readyTimeout = time.Minute

// restartBy runs the user's command and waits until the server is ready again. What has come back has to have started
// since, where it tells when, and to prove the pooler again.
func restartBy(ctx context.Context, command string, h *bench.Hitter, profile string) error {
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
	cmd.WaitDelay = time.Second // what it leaves in the background may keep the pipes
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("--restart-cmd failed (%w): %s", err, strings.TrimSpace(said.String()))
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		server, ready, err := h.Ask(ctx)
		switch {
		case err != nil || !ready:
		case !server.StartedAt.IsZero() && server.StartedAt.Equal(before.StartedAt):
			return failedf("Give a command that ends the server and starts it anew, and returns when the old one is gone.",
				"--restart-cmd did not restart the server: it has run since %s, as it says itself", server.StartedAt.Format(time.RFC3339))
		default:
			return throughPooler(server, profile)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready %v after --restart-cmd", readyTimeout)
		case <-tick.C:
		}
	}
}
