package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// process names one process beyond doubt: a pid alone may belong to another
// one by the time it is looked at.
type process struct {
	PID     int    `json:"pid"`
	Started string `json:"started"`
}

// identify names a process that is alive.
func identify(pid int) (process, bool) {
	if pid <= 0 {
		return process{}, false
	}
	started, alive := startOf(pid)
	return process{PID: pid, Started: started}, alive
}

// alive reports whether this very process still runs.
func (p process) alive() bool {
	now, alive := identify(p.PID)
	return alive && now == p
}

// signal sends s to this very process; one that has ended is no error.
func (p process) signal(s syscall.Signal) error {
	if !p.alive() {
		return nil
	}
	if err := syscall.Kill(p.PID, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("lab: signal process %d: %w", p.PID, err)
	}
	return nil
}

// gone waits until the process has ended or ctx has.
func (p process) gone(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for p.alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("lab: process %d has not ended: %w", p.PID, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// self names this process.
func self() process {
	p, _ := identify(os.Getpid())
	return p
}
