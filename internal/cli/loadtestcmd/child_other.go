//go:build !linux

package loadtestcmd

import "syscall"

// dieWithParent has no means here: a child outlives a parent that was killed by SIGKILL, and only then.
func dieWithParent(*syscall.SysProcAttr) {}
