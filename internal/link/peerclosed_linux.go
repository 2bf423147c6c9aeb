package link

import "golang.org/x/sys/unix"

func peerClosed(fd uintptr) bool {
	// POLLRDHUP rather than a peek: under TLS a close_notify lies in front of
	// the FIN, and a peek would take that for a live connection.
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.EPOLLRDHUP}} //nolint:gosec // a descriptor fits
	if _, err := unix.Poll(fds, 0); err != nil {
		return false
	}
	return fds[0].Revents&(unix.EPOLLRDHUP|unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
}
