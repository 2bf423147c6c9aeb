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
	const none = 1<<32 - 1
	least := time.Duration(info.Min_rtt) * time.Microsecond
	if info.Min_rtt == none {
		least = 0
	}
	return Segments{
		Sent: int64(info.Segs_out), Again: int64(info.Total_retrans),
		Received: int64(info.Data_segs_in), Disordered: int64(info.Rcv_ooopack),
		RTT: time.Duration(info.Rtt) * time.Microsecond, LeastRTT: least,
	}, true
}
