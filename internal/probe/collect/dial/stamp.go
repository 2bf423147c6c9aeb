package dial

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Stamps notes when each turn of a connection began and ended: a turn is opened by the first data read
// after a write, and lasts until the last read before the next write.
type Stamps struct {
	mu      sync.Mutex
	turns   []Turn
	pending bool
	stopped bool
	first   []byte // the first bytes written since the last read
}

// Turn is one round trip at the socket: a write, and the first read after it.
type Turn struct {
	// Arrived is the first read of the answer, Replied the last.
	Arrived, Replied time.Time
	// asked and answer are the first bytes of either direction, to tell what the turn was.
	asked, answer []byte
}

// maxOpening bounds how much of a turn's opening is kept: enough for a message's type and a command's
// name, too little for a payload.
const maxOpening = 48

func (s *Stamps) wrote(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	if !s.pending {
		s.pending, s.first = true, nil
	}
	s.first = appendUpTo(s.first, b)
}

func (s *Stamps) read(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	now := time.Now()
	if s.pending {
		s.pending = false
		s.turns = append(s.turns, Turn{Arrived: now, Replied: now, asked: s.first})
	}
	if n := len(s.turns); n > 0 {
		t := &s.turns[n-1]
		t.Replied = now
		t.answer = appendUpTo(t.answer, b)
	}
}

// Stop ends the recording; what passes afterwards leaves no trace.
func (s *Stamps) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// Restart forgets what was recorded and records again.
func (s *Stamps) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped, s.pending, s.turns, s.first = false, false, nil, nil
}

// All are the round trips so far.
func (s *Stamps) All() []Turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Turn(nil), s.turns...)
}

func appendUpTo(to, b []byte) []byte {
	return append(to, b[:min(len(b), max(0, maxOpening-len(to)))]...)
}

// stampedConn stamps what passes through a connection.
type stampedConn struct {
	net.Conn
	stamps *Stamps
}

// NetConn gives the connection below, so that the meter can be found through it.
func (c *stampedConn) NetConn() net.Conn { return c.Conn }

// SyscallConn gives the raw connection below, for what the kernel knows of it.
func (c *stampedConn) SyscallConn() (syscall.RawConn, error) {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.New("the connection has no file descriptor")
	}
	return s.SyscallConn()
}

func (c *stampedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.stamps.read(b[:n])
	}
	return n, err
}

func (c *stampedConn) Write(b []byte) (int, error) {
	// Stamped before the write: a reply may arrive while Write is still returning.
	c.stamps.wrote(b)
	return c.Conn.Write(b)
}
