package benchmark

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// client sends the same request again and again over one connection that
// stays open. It does as little as it can: it shares the machine with the
// server, and what it took would make the two sides of a ratio alike.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	want wanted
}

// wanted is what every reply has to be.
type wanted struct {
	status int
	header []byte // a part of it; nil: anything
}

func dial(ctx context.Context, addr, header string, want wanted) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	out := "GET " + boardPath + " HTTP/1.1\r\nHost: " + addr + "\r\nAccept-Encoding: gzip\r\n" + header + "\r\n"
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 32<<10), out: []byte(out), want: want}, nil
}

var (
	contentLength = []byte("Content-Length: ")
	crlf          = []byte("\r\n")
)

// do is one request. wrong: the reply is well-formed and not what was wanted.
func (c *client) do() (wrong bool, err error) {
	if _, err := c.conn.Write(c.out); err != nil {
		return false, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return false, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return false, fmt.Errorf("not HTTP: %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return false, err
	}
	length, found := 0, c.want.header == nil
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return false, err
		}
		if bytes.Equal(line, crlf) {
			break
		}
		if n, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(n))); err != nil {
				return false, err
			}
		}
		found = found || bytes.Contains(line, c.want.header)
	}
	if _, err := c.in.Discard(length); err != nil {
		return false, err
	}
	return status != c.want.status || !found, nil
}

// side is one of those that are compared: a server, and what it is asked.
type side struct {
	name, addr, header string
	want               wanted
	promised           float64 // least ratio to the trivial handler
	clients            []*client
}

// tally is what one side did in one slice of time.
type tally struct {
	requests, wrong int
	wall            time.Duration
}

func (s *side) dial(ctx context.Context, connections int) error {
	for range connections {
		c, err := dial(ctx, s.addr, s.header, s.want)
		if err != nil {
			return err
		}
		s.clients = append(s.clients, c)
	}
	return nil
}

func (s *side) close() {
	for _, c := range s.clients {
		_ = c.conn.Close()
	}
}

// run keeps every connection busy for the given time: a closed loop, so the
// figure is throughput; latency is measured apart, from a schedule.
func (s *side) run(slice time.Duration) (tally, error) {
	each := make([]tally, len(s.clients))
	errs := make([]error, len(s.clients))
	began := time.Now()
	end := began.Add(slice)
	var wg sync.WaitGroup
	for i, c := range s.clients {
		wg.Go(func() {
			for time.Now().Before(end) {
				wrong, err := c.do()
				if err != nil {
					errs[i] = err
					return
				}
				each[i].requests++
				if wrong {
					each[i].wrong++
				}
			}
		})
	}
	wg.Wait()
	sum := tally{wall: time.Since(began)}
	for _, t := range each {
		sum.requests += t.requests
		sum.wrong += t.wrong
	}
	if err := errors.Join(errs...); err != nil {
		return tally{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return sum, nil
}

// latencies sends requests at even intervals over one connection and returns
// how long each took from the moment at which it was due.
func (s *side) latencies(n int, every time.Duration) ([]time.Duration, error) {
	took := make([]time.Duration, 0, n)
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * every)
		time.Sleep(time.Until(due))
		if _, err := s.clients[0].do(); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		took = append(took, time.Since(due))
	}
	return took, nil
}
