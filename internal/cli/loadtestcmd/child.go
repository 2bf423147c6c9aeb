package loadtestcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is another honeydue that this one has started, and that does not outlive it.
type child struct {
	name  string
	cmd   *exec.Cmd
	said  *tail
	ended chan struct{} // closed when it has ended
	err   error         // how; valid after ended
}

// startChild runs this program again. It gets the environment of this one with set on top; what it prints is kept, as
// far as the last lines, for the day that it fails.
func (a command) startChild(set map[string]string, args ...string) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program to start it again: %w", err)
	}
	said := &tail{}
	cmd := exec.Command(exe, args...) //nolint:gosec,noctx // this program; it lives until stop, which drains it
	cmd.Args[0] = "honeydue"
	cmd.Env = a.childEnv(set)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, // Ctrl-C is for this process, which ends its child in order
	}
	dieWithParent(cmd.SysProcAttr)
	c := &child{name: "honeydue " + args[0], cmd: cmd, said: said, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() { // ends with the child, which stop ends
		// The kernel takes the end of the starting thread for the end of the parent.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	return c, nil
}

// childEnv is the environment of this process with some variables set, or taken out by an empty value.
func (a command) childEnv(set map[string]string) []string {
	var out []string
	for name, value := range a.Env {
		if _, replaced := set[name]; !replaced {
			out = append(out, name+"="+value)
		}
	}
	for name, value := range set {
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return out
}

// until asks again and again until ask says yes, the child ends, or ctx does.
func (c *child) until(ctx context.Context, ask func(context.Context) bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask(ctx) {
		select {
		case <-c.ended:
			return c.failure("ended before it was ready")
		case <-ctx.Done():
			return c.failure("was not ready in time")
		case <-tick.C:
		}
	}
	return nil
}

// stop ends the child: kindly for so long, then at once. It returns when the child is gone.
func (c *child) stop(grace time.Duration) error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	select {
	case <-c.ended:
		return nil
	case <-time.After(grace):
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	<-c.ended
	return nil
}

func (c *child) failure(what string) error {
	said := strings.TrimSpace(c.said.String())
	if said == "" {
		return fmt.Errorf("%s %s and said nothing", c.name, what)
	}
	return fmt.Errorf("%s %s; the last that it said:\n%s", c.name, what, said)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	end []byte
}

// tailSize is how much a tail keeps: a dozen long lines.
const tailSize = 4 << 10

var _ io.Writer = (*tail)(nil)

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if extra := len(t.end) - tailSize; extra > 0 {
		t.end = slices.Delete(t.end, 0, extra)
	}
	return len(p), nil
}

// String is the end of what was written, from the beginning of a line on.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := string(t.end)
	if len(t.end) == tailSize {
		_, s, _ = strings.Cut(s, "\n")
	}
	return s
}
