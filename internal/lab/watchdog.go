package lab

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// watchdogScript waits for its standard input to end, which happens when the
// only process that holds the other end is gone, and then ends its process
// group: every child is a member. SIGQUIT ends Postgres without delay and in
// order; a server that does not know it dies of it.
const watchdogScript = `trap '' HUP INT TERM QUIT
pids=
while read -r pid; do pids="$pids $pid"; done
kill -QUIT 0
for i in 1 2 3 4 5 6; do
	left=
	for pid in $pids; do kill -0 "$pid" 2>/dev/null && left=1; done
	[ -z "$left" ] && exit 0
	sleep 1
done
kill -KILL 0`

// watchdog is a guard for systems whose kernel sends no signal when a parent
// dies.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func startWatchdog() (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript) //nolint:noctx // lives as long as this process
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("lab: start the watchdog of the servers: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

func (w *watchdog) attach(attr *syscall.SysProcAttr, _ syscall.Signal) {
	attr.Setpgid = true
	attr.Pgid = w.cmd.Process.Pid
}

// started tells the watchdog whom to wait for before it uses force.
func (w *watchdog) started(pid int) { _, _ = fmt.Fprintln(w.pipe, pid) }

func (w *watchdog) close() error {
	// Killed rather than let go: the end of its input means something else.
	if err := w.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("lab: end the watchdog of the servers: %w", err)
	}
	_ = w.cmd.Wait() // "killed", as it should be; this closes the pipe, too
	return nil
}
