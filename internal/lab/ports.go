package lab

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/honeydue/honeydue/internal/link"
)

// ports are the lab's loopback ports, 0 = not chosen yet.
type ports struct {
	Postgres   int `json:"postgres"`
	Pooler     int `json:"pooler"`
	Redis      int `json:"redis"`
	PoolerLink int `json:"pooler_link"`
	DirectLink int `json:"direct_link"`
}

// choosePorts finds free ports for the servers. It prefers those of the last
// time, so that an environment that was exported then stays true.
func choosePorts(ctx context.Context, last ports) (ports, error) {
	var held []net.Listener // all at once, or the kernel could give one twice
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	p := last
	for _, port := range []*int{&p.Postgres, &p.Pooler, &p.Redis} {
		l, err := listen(ctx, *port)
		if err != nil {
			l, err = listen(ctx, 0)
		}
		if err != nil {
			return p, fmt.Errorf("lab: no free port on loopback: %w", err)
		}
		held = append(held, l)
		if a, ok := l.Addr().(*net.TCPAddr); ok {
			*port = a.Port
		}
	}
	return p, nil
}

// taken reports whether somebody else listens on one of the servers' ports.
func (p ports) taken(ctx context.Context) bool {
	for _, port := range []int{p.Postgres, p.Pooler, p.Redis} {
		l, err := listen(ctx, port)
		if err != nil {
			return true
		}
		_ = l.Close()
	}
	return false
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", loopback(port))
}

func portOf(p *link.Proxy) int {
	_, port, err := net.SplitHostPort(p.Addr())
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	return n
}
