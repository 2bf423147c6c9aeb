package lab

import "syscall"

// guard sees to it that no child outlives this process, not even after a
// SIGKILL. It has two implementations: the kernel's own on Linux, and a
// watchdog process elsewhere.
type guard interface {
	// attach prepares the attributes of a child that is about to start. dying is
	// what it is sent when this process is gone, where a choice is possible.
	attach(attr *syscall.SysProcAttr, dying syscall.Signal)
	// started names a child that has started.
	started(pid int)
	// close ends the guard; the children have been ended before.
	close() error
}
