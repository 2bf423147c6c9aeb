package cache

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// inProcessKeys bounds the in-process store, which knows no eviction: some
// 30 MB. A flush is always safe, as every entry can be had from the database.
const inProcessKeys = 100_000

// inProcess is the Redis of a process that has none: miniredis, a clock for
// its expiries and a bound on its size.
type inProcess struct {
	server  *miniredis.Miniredis
	maxKeys int
	stop    chan struct{}
	ended   sync.WaitGroup
}

// startInProcess listens on a free loopback port behind a random password:
// the port is open to everyone on this machine, the entries are not.
func startInProcess(maxKeys int, tick time.Duration) (*inProcess, *redis.Options, error) {
	m := miniredis.NewMiniRedis()
	password := nonce() + nonce()
	m.RequireAuth(password)
	if err := m.Start(); err != nil {
		return nil, nil, fmt.Errorf("start the in-process cache: %w", err)
	}
	p := &inProcess{server: m, maxKeys: maxKeys, stop: make(chan struct{})}
	p.ended.Go(func() { p.run(tick) })
	return p, &redis.Options{Addr: m.Addr(), Password: password}, nil
}

// run moves miniredis' clock, which stands still by itself.
func (p *inProcess) run(tick time.Duration) {
	t := time.NewTicker(tick)
	defer t.Stop()
	last := time.Now()
	for {
		select {
		case <-p.stop:
			return
		case now := <-t.C:
			p.advance(now.Sub(last))
			last = now
		}
	}
}

func (p *inProcess) advance(d time.Duration) {
	p.server.FastForward(d)
	if len(p.server.DB(0).Keys()) > p.maxKeys {
		p.server.FlushAll()
	}
}

func (p *inProcess) close() {
	close(p.stop)
	p.ended.Wait()
	p.server.Close()
}
