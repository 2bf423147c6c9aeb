package bench

import (
	"context"
	"io"
	"net"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cache"
)

// serverPage is what a server's metrics page says, NaN where it says nothing.
type serverPage struct {
	honeydue bool // the page is that of honeydue serve

	acquires, waited, acquireSeconds float64 // counters of the pool
	inUse, idle, most                float64 // its connections
	turns                            float64 // counted on its connections, background work included
	hits, lookups                    float64 // counters of the lists' cache
	cpuSeconds                       float64
	cores                            float64 // that the process may use at once
	memory, goroutines               float64
}

// readMetrics reads a page in Prometheus' text format.
func readMetrics(r io.Reader) (serverPage, error) {
	m, err := api.ParseMetrics(r)
	if err != nil {
		return serverPage{}, err
	}
	lists := m.Cache(cache.EntryList)
	return serverPage{
		honeydue: m.Honeydue,
		acquires: m.PoolAcquires, waited: m.PoolWaited, acquireSeconds: m.PoolAcquireSeconds,
		inUse: m.PoolInUse, idle: m.PoolIdle, most: m.PoolMax, turns: m.PoolTurns,
		hits: lists.Hits, lookups: lists.Asked,
		cpuSeconds: m.CPUSeconds, cores: m.Cores, memory: m.MemoryBytes, goroutines: m.Goroutines,
	}, nil
}

func dialDirectly(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}
