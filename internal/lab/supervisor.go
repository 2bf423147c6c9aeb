package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// StartDetached runs exe with args, which have to start a lab in dir and keep
// it, as a session of its own that outlives this process, and returns when that
// lab is ready. What it prints goes to log/supervisor.log in the folder. When
// ctx ends first, the lab is told to end, too.
func StartDetached(ctx context.Context, exe string, args []string, dir string) (State, error) {
	a, err := serverAccount()
	if err != nil {
		return State{}, err
	}
	f, err := open(dir, a)
	if err != nil {
		return State{}, err
	}
	s, err := ReadState(string(f))
	if err != nil {
		return State{}, err
	}
	if s.Running {
		return s, &LockedError{Dir: s.Dir, PID: s.PID}
	}
	log, err := newLog(f.log("supervisor"))
	if err != nil {
		return State{}, err
	}
	defer log.Close()

	cmd := exec.Command(exe, args...) //nolint:gosec,noctx // this program again; it outlives ctx by design
	cmd.Args[0] = "honeydue"          // what ps shows, whatever the file is called
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return State{}, fmt.Errorf("lab: start the lab in the background: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the lab: whoever lives as long sees no zombie

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return State{}, fmt.Errorf("lab: the lab did not start (%w). The last lines of %s:\n%s",
				exitError(err), f.log("supervisor"), tail(f.log("supervisor"), 12))
		case <-ctx.Done():
			_ = cmd.Process.Signal(syscall.SIGTERM)
			return State{}, fmt.Errorf("lab: wait for the lab to be ready: %w", ctx.Err())
		case <-tick.C:
			if s, err := ReadState(string(f)); err == nil && s.Ready && s.PID == cmd.Process.Pid {
				return s, nil
			}
		}
	}
}

// Down ends the lab in dir, whichever process keeps it, and returns when that
// process is gone. Servers that a crash left behind are ended, too. The error
// is a NotRunningError when no lab was running.
func Down(ctx context.Context, dir string) error {
	f, err := existing(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(string(f)); errors.Is(err, fs.ErrNotExist) {
		return &NotRunningError{Dir: string(f)}
	}
	r, err := readRecord(f)
	if err != nil {
		return err
	}
	if !r.Keeper.alive() {
		return tidy(ctx, f, r)
	}
	if err := r.Keeper.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := r.Keeper.gone(ctx); err != nil {
		return advise(fmt.Sprintf("Wait, or end it at once: kill -9 %d (its servers end with it).", r.Keeper.PID),
			"lab: the lab in %s was asked to end and has not ended yet: %w", f, err)
	}
	return nil
}

// tidy ends what a crash left behind in a folder without a lab.
func tidy(ctx context.Context, f folder, r record) error {
	held, err := lock(f)
	if err != nil {
		return err
	}
	defer held.Close()
	if err := recoverFolder(ctx, f, r); err != nil {
		return err
	}
	return &NotRunningError{Dir: string(f)}
}

func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}
