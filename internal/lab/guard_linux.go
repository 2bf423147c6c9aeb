package lab

import "syscall"

// parentDeath asks the kernel to signal a child when the thread that started
// it ends; runChild keeps that thread.
type parentDeath struct{}

func newGuard() (guard, error) { return parentDeath{}, nil }

func (parentDeath) attach(attr *syscall.SysProcAttr, dying syscall.Signal) {
	// A group of its own: Ctrl-C goes to the terminal's group, and the servers
	// are to be ended in order, not by the terminal.
	attr.Setpgid = true
	attr.Pdeathsig = dying
}

func (parentDeath) started(int) {}

func (parentDeath) close() error { return nil }
