//go:build unix && !linux

package lab

func newGuard() (guard, error) { return startWatchdog() }
