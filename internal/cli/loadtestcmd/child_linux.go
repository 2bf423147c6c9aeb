package loadtestcmd

import "syscall"

// dieWithParent has the kernel end a child whose parent is gone, however it went.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
