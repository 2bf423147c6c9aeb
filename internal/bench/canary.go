package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

const (
	// canaryLength is how long the tool measures itself before a run, at most.
	canaryLength = 1500 * time.Millisecond
	// canaryShortest is the least of that where a high rate gives canarySamples sooner.
	canaryShortest = 100 * time.Millisecond
	// canarySamples is how many samples are enough: as many as the least rate gives.
	canarySamples = 300
	// canaryRate is the least rate of that, so that it has 300 samples.
	canaryRate = 200
)

// floor measures the tool itself: the p99 of an attack at the given rate, for so
// long at most, on a server in this process that answers at once. What a run
// measures can't be less, and what is not far above it says nothing about the target.
func floor(ctx context.Context, rate float64, over time.Duration) (p99 time.Duration, err error) {
	server, err := newEcho(ctx)
	if err != nil {
		return 0, fmt.Errorf("the canary found no free port: %w", err)
	}
	defer func() { err = errors.Join(err, server.close()) }()
	h, err := NewHitter(HitterConfig{Base: &url.URL{Scheme: "http", Host: server.listener.Addr().String()}, Run: NewRunID()})
	if err != nil {
		return 0, err
	}
	defer h.Close()
	enough := time.Duration(canarySamples / rate * float64(time.Second))
	schedule, err := Constant(rate, min(over, max(canaryShortest, enough)))
	if err != nil {
		return 0, err
	}
	latency := stats.NewHistogram()
	h.Attack(ctx, Attack{
		Schedule: schedule,
		Shots:    func(uint64) Shot { return Shot{Route: "canary", Path: "/"} },
		Observe: func(s Sample) {
			if s.Failed() {
				s.Latency = max(s.Latency, DefaultTimeout) // a machine that can't even do that is no generator
			}
			latency.Record(s.Latency)
		},
	})
	return latency.Quantile(0.99), nil
}

// echo is a server that answers every request without a body with 204, and does
// nothing else, so that the floor is the tool's and not a server's.
type echo struct {
	listener net.Listener
	serving  sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool
	closed   bool
}

func newEcho(ctx context.Context) (*echo, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &echo{listener: listener, open: make(map[net.Conn]bool)}
	e.serving.Go(e.accept)
	return e, nil
}

func (e *echo) accept() {
	for {
		conn, err := e.listener.Accept()
		if err != nil {
			return // closed
		}
		e.mu.Lock()
		if e.closed {
			_ = conn.Close()
		} else {
			e.open[conn] = true
			e.serving.Go(func() { e.answer(conn) })
		}
		e.mu.Unlock()
	}
}

// answer answers until the other side or close ends the connection.
func (e *echo) answer(conn net.Conn) {
	defer func() {
		e.mu.Lock()
		delete(e.open, conn)
		e.mu.Unlock()
		_ = conn.Close() // both sides are done with it
	}()
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > len("\r\n") {
			continue
		}
		if _, err := conn.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n")); err != nil {
			return
		}
	}
}

func (e *echo) close() error {
	err := e.listener.Close()
	e.mu.Lock()
	e.closed = true
	for conn := range e.open {
		_ = conn.Close()
	}
	e.mu.Unlock()
	e.serving.Wait()
	return err
}
