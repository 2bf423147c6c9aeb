package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// command is a server about to start.
type command struct {
	name  string   // postgres, pgbouncer, redis
	argv  []string // the program's path first
	dir   string   // working folder
	log   string   // file for stdout and stderr; the previous one is kept as .old
	dying syscall.Signal
	ends  []ending
}

// ending is one step of ending a server: a signal, and how long to wait for
// its effect before the next step.
type ending struct {
	signal syscall.Signal
	wait   time.Duration
}

// child is a server that was started.
type child struct {
	command
	process  process
	stopping atomic.Bool
	ended    chan struct{} // closed when it has ended
	err      error         // how it ended; valid after ended
}

// startChild starts a server that ends with this process. died, unless nil, is
// called when it ends without having been stopped.
func startChild(g guard, a account, c command, died func(*child)) (*child, error) {
	log, err := newLog(c.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	cmd := exec.Command(c.argv[0], c.argv[1:]...) //nolint:gosec,noctx // a server's binary; it lives until it is ended
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, log, log
	// Not this process's environment: it may hold passwords, or a LISTEN_FDS.
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = a.attributes()
	g.attach(cmd.SysProcAttr, c.dying)

	k := &child{command: c, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() { // ends with the server, which stop ends
		// Linux sends the parent-death signal when the *thread* ends that started
		// the child, so this one has to last as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			k.err = cmd.Wait()
			close(k.ended)
			if died != nil && !k.stopping.Load() {
				died(k)
			}
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("lab: %s can't be started: %w", c.name, err)
	}
	g.started(cmd.Process.Pid)
	k.process, _ = identify(cmd.Process.Pid)
	k.process.PID = cmd.Process.Pid
	return k, nil
}

// running reports whether the server has not ended yet.
func (k *child) running() bool {
	select {
	case <-k.ended:
		return false
	default:
		return true
	}
}

// ready asks until the server answers, ends, or ctx does.
func (k *child) ready(ctx context.Context, ask func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := ask(try)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-k.ended:
			return k.failure()
		case <-ctx.Done():
			return fmt.Errorf("lab: %s does not answer (%w): %w%s", k.name, ctx.Err(), err, k.quote())
		case <-tick.C:
		}
	}
}

// failure says how a server ended that should not have.
func (k *child) failure() error {
	return &ServerError{Server: k.name, Err: exitError(k.err), Log: k.log, quote: k.quote()}
}

// ServerError says that a server ended by itself.
type ServerError struct {
	Server string
	Err    error  // how
	Log    string // path of its log
	quote  string
}

func (e *ServerError) Error() string {
	return fmt.Sprintf("lab: %s ended by itself (%v)%s", e.Server, e.Err, e.quote)
}

func (e *ServerError) Unwrap() error { return e.Err }

// Hint says where more is to be read.
func (e *ServerError) Hint() string { return "Read its log: " + e.Log }

func (k *child) quote() string {
	if t := tail(k.log, 8); t != "" {
		return ". Its last output:\n" + t
	}
	return ". It wrote no output"
}

// stop ends the server step by step and waits until it has. ctx shortens the
// waits, but the last signal is sent all the same.
func (k *child) stop(ctx context.Context) error {
	k.stopping.Store(true)
	for _, e := range k.ends {
		if !k.running() {
			return nil
		}
		// Not by way of process.signal: a child that has not been waited for
		// keeps its pid.
		if err := syscall.Kill(k.process.PID, e.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("lab: end %s (process %d): %w", k.name, k.process.PID, err)
		}
		t := time.NewTimer(e.wait)
		select {
		case <-k.ended:
			t.Stop()
			return nil
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
	_ = syscall.Kill(k.process.PID, syscall.SIGKILL)
	<-k.ended
	return nil
}

func newLog(path string) (*os.File, error) {
	if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("lab: keep the last log: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // a path of the data folder
	if err != nil {
		return nil, fmt.Errorf("lab: open a log: %w", err)
	}
	return f, nil
}

// tail returns the last n lines of a file, "" if there are none.
func tail(path string, n int) string {
	const most = 16 << 10
	f, err := os.Open(path) //nolint:gosec // a log of the data folder
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		if _, err := f.Seek(-most, 2); err != nil {
			return ""
		}
	}
	b := make([]byte, most)
	read := 0
	for read < most {
		m, err := f.Read(b[read:])
		read += m
		if err != nil {
			break
		}
	}
	lines := strings.Split(strings.TrimSpace(string(b[:read])), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
