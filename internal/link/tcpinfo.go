package link

import "time"

// Segments is what the kernel has counted on a connection since it was opened.
type Segments struct {
	Sent int64 // TCP segments, those sent again included
	// Again is how many were sent a second time, because nobody acknowledged them.
	Again int64
	// RTT is the kernel's smoothed round trip to whoever ends the TCP connection.
	RTT time.Duration
}

// Segments asks the kernel. It is false where that can't be asked: on systems
// other than Linux, or when the connection is closed.
func (c *Conn) Segments() (s Segments, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return s, false
	}
	if err := raw.Control(func(fd uintptr) { s, ok = segments(fd) }); err != nil {
		return s, false
	}
	return s, ok
}
