package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// recoverFolder puts a folder in order that a crash left behind: servers of
// the last lab that still run are ended, and a postmaster.pid that would keep
// Postgres from starting is removed. The caller holds the folder's lock, so no
// lab is running in it.
func recoverFolder(ctx context.Context, f folder, last record) error {
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, name := range []string{namePostgres, namePooler, nameRedis} {
		p := last.Servers[name]
		// Pid and start time name the process; its command line has the last word.
		if p.alive() && strings.Contains(commandOf(p.PID), name) {
			wg.Go(func() { errs[i] = endOrphan(ctx, name, p) })
		}
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return clearPostmaster(f)
}

func endOrphan(ctx context.Context, name string, p process) error {
	steps := []ending{{syscall.SIGKILL, 5 * time.Second}}
	if name == namePostgres { // it may be shutting down already: let it
		steps = []ending{{syscall.SIGINT, 5 * time.Second}, {syscall.SIGQUIT, 6 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
	}
	var err error
	for _, e := range steps {
		if err = p.signal(e.signal); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, e.wait)
		err = p.gone(wait)
		cancel()
		if err == nil {
			return nil
		}
	}
	return advise(fmt.Sprintf("End it: kill -9 %d", p.PID), "lab: %s of an earlier lab does not end: %w", name, err)
}

// clearPostmaster removes a postmaster.pid whose process is not a Postgres of
// this folder. Postgres clears one whose pid is free; it gives up, however,
// when the pid has gone to any other process, as it soon does in a container.
func clearPostmaster(f folder) error {
	path := filepath.Join(f.postgres(), "postmaster.pid")
	b, err := os.ReadFile(path) //nolint:gosec // in the data folder
	if err != nil {
		return nil //nolint:nilerr // none there, as it should be
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return nil //nolint:nilerr // Postgres says what it thinks of such a file
	}
	if _, alive := identify(pid); !alive {
		return nil
	}
	if command := commandOf(pid); strings.Contains(command, namePostgres) && strings.Contains(command, f.postgres()) {
		return advise(fmt.Sprintf("End it: kill -INT %d\n%s", pid, chooseDir), "lab: process %d runs Postgres on %s, and no lab started it", pid, f.postgres())
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("lab: clear away a stale lock file of Postgres: %w", err)
	}
	return nil
}
