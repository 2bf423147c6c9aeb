package probe

import (
	"context"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// poolerFacts is what the pooler's console says of itself and of the app's database.
type poolerFacts struct {
	// settings is SHOW CONFIG by key.
	settings store.ConsoleRow
	// Of SHOW DATABASES: 0 is "no limit" for both.
	poolSize, maxConnections, connections int64
	poolMode                              string // of this database; empty is the pooler's own
	// clients is how many are connected, of any database.
	clients int64
	first   store.Pools // SHOW POOLS at the probe's begin
	hasPool bool
	// before and after are SHOW STATS and SHOW SERVERS at the begin of the statements and at the end.
	before, after consoleMoment
	// between are the server connections that were seen at any moment in between.
	between map[string]bool
	// linked is how many of them had a client in each of those looks.
	linked []int
	// stuck is the pool while a client waited in it for longer than connecting takes.
	stuck  stuckPool
	failed *failure
}

// consoleMoment is what has been counted up to a moment.
type consoleMoment struct {
	known bool
	at    float64 // ms since the probe began
	stats poolerStats
	// servers are the pool's server connections, by process id and time of opening.
	servers map[string]bool
	// linked is how many of them had a client.
	linked int
}

// poolerStats are sums since the pooler's start; times in ms.
type poolerStats struct {
	transactions, queries               int64
	transactionMS, queryMS, waitMS      float64
	avgTransactionMS, avgQueryMS, avgMS float64 // the pooler's own averages of its last period, a minute
}

// readSettings reads what does not change while the probe runs.
func (p *poolsConsole) readSettings(ctx context.Context) *poolerFacts {
	f := &poolerFacts{settings: store.ConsoleRow{}}
	for _, step := range []struct {
		what string
		take func([]store.ConsoleRow)
	}{
		{"CONFIG", func(rows []store.ConsoleRow) {
			for _, r := range rows {
				f.settings[r["key"]] = r["value"]
			}
		}},
		{"DATABASES", func(rows []store.ConsoleRow) {
			for _, r := range p.console.Of(rows, "name") {
				f.poolSize, f.maxConnections, f.connections = r.Number("pool_size"), r.Number("max_connections"), r.Number("current_connections")
				p.size = f.poolSize
				f.poolMode = r["pool_mode"]
			}
		}},
		{"LISTS", func(rows []store.ConsoleRow) {
			for _, r := range rows {
				if r["list"] == "used_clients" {
					f.clients = r.Number("items")
				}
			}
		}},
	} {
		rows, err := p.show(ctx, step.what)
		if err != nil {
			f.failed = explain(ctx, "", err)
			return f
		}
		step.take(rows)
	}
	if f.poolSize == 0 {
		f.poolSize = f.settings.Number("default_pool_size")
	}
	return f
}

// moment reads what the pooler counts.
func (p *poolsConsole) moment(ctx context.Context, atMS float64) consoleMoment {
	stats, err := p.show(ctx, "STATS")
	if err != nil {
		return consoleMoment{}
	}
	servers, err := p.show(ctx, "SERVERS")
	if err != nil {
		return consoleMoment{}
	}
	m := consoleMoment{known: true, at: atMS, servers: map[string]bool{}}
	for _, r := range p.console.Of(stats, "database") {
		m.stats = poolerStats{
			transactions: r.Number("total_xact_count"), queries: r.Number("total_query_count"),
			transactionMS: r.Milliseconds("total_xact_time"), queryMS: r.Milliseconds("total_query_time"),
			waitMS:           r.Milliseconds("total_wait_time"),
			avgTransactionMS: r.Milliseconds("avg_xact_time"), avgQueryMS: r.Milliseconds("avg_query_time"),
			avgMS: r.Milliseconds("avg_wait_time"),
		}
	}
	m.linked = p.addServers(servers, m.servers)
	return m
}

// addServers adds the app's server connections to a set, and returns how many have a client.
func (p *poolsConsole) addServers(rows []store.ConsoleRow, to map[string]bool) (linked int) {
	for _, r := range p.console.Of(rows, "database") {
		if r["remote_pid"] != "0" { // it is being opened
			to[r["remote_pid"]+" "+r["connect_time"]] = true
		}
		if r["state"] == "active" {
			linked++
		}
	}
	return linked
}

// meanLinked is how many server connections had a client, on average over the looks.
func (f *poolerFacts) meanLinked() float64 {
	sum := f.before.linked + f.after.linked
	for _, n := range f.linked {
		sum += n
	}
	return float64(sum) / float64(2+len(f.linked))
}

// serversEvery is how often SHOW SERVERS is asked while statements run: often enough to see connections
// that live for a second, seldom enough for a console over an ocean.
const serversEvery = 400 * time.Millisecond

// watchServers notes the server connections that come and go. The function that it returns ends that.
func (p *poolsConsole) watchServers(ctx context.Context, f *poolerFacts) (stop func()) {
	f.between = map[string]bool{}
	watching, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(serversEvery)
		defer ticker.Stop()
		for {
			select {
			case <-watching.Done():
				return
			case <-ticker.C:
			}
			// Ended by the probe's own deadlines, not by stop: a cancelled question would close the console.
			rows, err := p.show(ctx, "SERVERS")
			if err != nil {
				return
			}
			f.linked = append(f.linked, p.addServers(rows, f.between))
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}
