package link

import (
	"time"

	"golang.org/x/sys/unix"
)

func segments(fd uintptr) (Segments, bool) {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return Segments{}, false
	}
	return Segments{
		Sent: int64(info.Segs_out), Again: int64(info.Total_retrans),
		RTT: time.Duration(info.Rtt) * time.Microsecond,
	}, true
}
