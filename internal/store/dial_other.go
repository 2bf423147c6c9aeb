//go:build !linux

package store

import "syscall"

// setUserTimeout does nothing: TCP_USER_TIMEOUT is Linux's.
func setUserTimeout(_, _ string, _ syscall.RawConn) error { return nil }
