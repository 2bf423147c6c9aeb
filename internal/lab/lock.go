package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// LockedError says that another process has a lab in this folder.
type LockedError struct {
	Dir string
	PID int // 0 when the holder did not write it down
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("lab: %s has a lab running in %s", who, e.Dir)
}

// Hint says how to get the folder.
func (e *LockedError) Hint() string {
	return fmt.Sprintf("End it with: honeydue lab down --data %s\n%s", ShellWord(e.Dir), chooseDir)
}

// lock takes the folder for this process. The kernel gives it back when the
// process ends, however it ends.
func lock(f folder) (*os.File, error) {
	file, err := os.OpenFile(f.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lab: the data folder can't be locked: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		pid := holder(file)
		_ = file.Close()
		return nil, &LockedError{Dir: string(f), PID: pid}
	case err != nil:
		_ = file.Close()
		return nil, fmt.Errorf("lab: lock %s: %w", f.lock(), err)
	}
	if err = file.Truncate(0); err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lab: write %s: %w", f.lock(), err)
	}
	return file, nil
}

// holder reads whose lock it is. The holder writes its pid just after it has
// taken the lock, so an empty file is looked at again.
func holder(file *os.File) int {
	for range 20 {
		b := make([]byte, 32)
		n, _ := file.ReadAt(b, 0)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n]))); err == nil {
			return pid
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0
}
