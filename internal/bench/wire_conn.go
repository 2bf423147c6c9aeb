package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

const (
	// wireBuffer holds the head of a reply, and most small replies whole; one is kept for each connection.
	wireBuffer = 4 << 10
	// maxHead bounds a reply's head, as net/http does.
	maxHead = 10 << 20
)

// wireConn is a connection and what is kept with it. One goroutine uses it at a time.
type wireConn struct {
	net.Conn

	in      headLimit
	buffer  *bufio.Reader
	used    bool // a reply has come over it
	usedAt  time.Time
	strings repeated
}

// headLimit reads from a connection, at most so many bytes.
type headLimit struct {
	net.Conn

	left int64
}

// Read implements io.Reader.
func (l *headLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errors.New("the head of the reply has no end")
	}
	n, err := l.Conn.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

func newWireConn(conn net.Conn) *wireConn {
	k := &wireConn{Conn: conn, in: headLimit{Conn: conn}}
	k.buffer = bufio.NewReaderSize(&k.in, wireBuffer)
	return k
}

// obey lets a connection's I/O end with a context. The function that it returns
// ends that, and says what it did in the outcome.
func (k *wireConn) obey(ctx context.Context, o *outcome) func() {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = k.SetDeadline(time.Unix(1, 0)) // long ago; of a closed connection it is of no use
	})
	return func() {
		if stop() {
			return
		}
		<-done
		o.reuse = false
		if errors.Is(o.err, os.ErrDeadlineExceeded) {
			o.err = ctx.Err()
		}
	}
}

func (k *wireConn) close() {
	_ = k.Close() // nobody uses it any more
}

// alive reports whether an idle connection is as the last reply left it: neither
// closed nor with something to read that nobody asked for.
func (k *wireConn) alive() bool {
	conn := k.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	plain, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := plain.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = errors.Is(err, syscall.EAGAIN)
	})
	return err == nil && silent
}
