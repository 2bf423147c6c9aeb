package store

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// userTimeoutMS bounds how long sent data may stay unacknowledged (tcp(7),
// TCP_USER_TIMEOUT): without it a silent drop is retried for a quarter of an hour.
const userTimeoutMS = 10_000

func setUserTimeout(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeoutMS)
	})
	if err != nil {
		return err
	}
	return failed
}
