package link

import "golang.org/x/sys/unix"

// tcpsEstablished is TCPS_ESTABLISHED of XNU's netinet/tcp_fsm.h; every later
// state means that one side has closed.
const tcpsEstablished = 4

func peerClosed(fd uintptr) bool {
	info, err := unix.GetsockoptTCPConnectionInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_CONNECTION_INFO)
	if err != nil {
		return false
	}
	return info.State != tcpsEstablished
}
