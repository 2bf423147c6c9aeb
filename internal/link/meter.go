package link

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is a net.Conn that counts its turns. It is as safe for concurrent use
// as the connection below it; a reader in the background is counted as any
// other.
type Conn struct {
	net.Conn

	written  atomic.Bool // something was sent since the last counted turn
	turns    atomic.Int64
	connect  atomic.Int64
	ready    atomic.Bool
	sent     atomic.Int64
	received atomic.Int64

	born      time.Time
	lastWrite atomic.Int64 // ns after born

	dials *Dials // nil when the connection was not dialled through Dials
	once  sync.Once
}

// Meter wraps c. The TCP handshake is over by then and is not counted; dial
// through Dials to have it counted.
func Meter(c net.Conn) *Conn { return &Conn{Conn: c, born: time.Now()} }

// Of returns the metered connection inside c: c itself, or what lies below a
// tls.Conn (anything with a NetConn method).
func Of(c net.Conn) (*Conn, bool) {
	for c != nil {
		if m, ok := c.(*Conn); ok {
			return m, true
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil, false
		}
		c = inner.NetConn()
	}
	return nil, false
}

// Turns is the number of round trips seen so far, connecting included, the TCP
// handshake not. Take it before and after a piece of work: the difference is
// what that work cost.
func (c *Conn) Turns() int64 { return c.turns.Load() }

// ConnectTurns is the number of turns spent before Ready was called, plus one
// for the TCP handshake when the connection was dialled through Dials.
func (c *Conn) ConnectTurns() int64 { return c.connect.Load() }

// BytesRead is the number of bytes received, as they came off the socket
// (under TLS: encrypted).
func (c *Conn) BytesRead() int64 { return c.received.Load() }

// BytesWritten is the number of bytes handed to the socket. Unchanged around a
// failed statement, it proves that nothing was sent.
func (c *Conn) BytesWritten() int64 { return c.sent.Load() }

// Idle is how long ago the last write began, or the connection was opened.
func (c *Conn) Idle() time.Duration {
	return time.Since(c.born) - time.Duration(c.lastWrite.Load())
}

// Ready marks the end of connecting (TLS, start-up, authentication): turns
// after it belong to requests and are no longer charged to Dials.
func (c *Conn) Ready() { c.ready.Store(true) }

// Read counts a turn when it brings data after a write.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.received.Add(int64(n))
		if c.written.Swap(false) {
			c.count()
		}
	}
	return n, err
}

// Write never counts by itself: any number of writes before a read are one
// turn.
func (c *Conn) Write(b []byte) (int, error) {
	if len(b) > 0 {
		// Before the write: the answer may be read before Write returns.
		c.written.Store(true)
		c.lastWrite.Store(int64(time.Since(c.born)))
	}
	n, err := c.Conn.Write(b)
	c.sent.Add(int64(n))
	return n, err
}

// Close closes the connection below.
func (c *Conn) Close() error {
	c.once.Do(func() {
		if c.dials != nil {
			c.dials.open.Add(-1)
		}
	})
	return c.Conn.Close()
}

// SyscallConn gives the raw connection below, for checks of its state. What is
// read or written through it is not counted.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.New("link: the connection below the meter has no file descriptor")
	}
	return s.SyscallConn()
}

// PeerClosed reports, without blocking, whether the peer has closed or reset
// the connection. It costs one system call and no turn, and sees the FIN even
// behind bytes that nobody has read yet (a TLS close_notify, a FATAL error).
// It is false where the connection has no file descriptor to ask.
func (c *Conn) PeerClosed() bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	closed := false
	if err := raw.Control(func(fd uintptr) { closed = peerClosed(fd) }); err != nil {
		return true // closed on our own side
	}
	return closed
}

func (c *Conn) count() {
	c.turns.Add(1)
	if d := c.dials; d != nil {
		d.total.Add(1)
	}
	if !c.ready.Load() {
		c.countConnect()
	}
}

func (c *Conn) countConnect() {
	c.connect.Add(1)
	if d := c.dials; d != nil {
		d.turns.Add(1)
	}
}
