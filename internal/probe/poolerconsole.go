package probe

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// poolerFacts is what the pooler's console says of itself and of the app's database.
type poolerFacts struct {
	// settings is SHOW CONFIG by key.
	settings map[string]string
	// Of SHOW DATABASES: 0 is "no limit" for both.
	poolSize, maxConnections, connections int64
	paused                                bool
	poolMode                              string // of this database; empty is the pooler's own
	// clients is how many are connected, of any database.
	clients int64
	first   poolsRow // SHOW POOLS at the probe's begin
	hasPool bool
	// before and after are SHOW STATS and SHOW SERVERS at the begin of the statements and at the end.
	before, after consoleMoment
	// between are the server connections that were seen at any moment in between.
	between map[string]bool
	failed  *failure
}

// consoleMoment is what has been counted up to a moment.
type consoleMoment struct {
	known bool
	at    float64 // ms since the probe began
	stats poolerStats
	// servers are the pool's server connections, by process id and time of opening.
	servers map[string]bool
}

// poolerStats are sums since the pooler's start; times in ms.
type poolerStats struct {
	transactions, queries               int64
	transactionMS, queryMS, waitMS      float64
	avgTransactionMS, avgQueryMS, avgMS float64 // the pooler's own averages of its last period, a minute
}

// row is a line of the console by column.
type row map[string]string

func (r row) number(name string) int64 {
	n, _ := strconv.ParseInt(r[name], 10, 64) // a column of another version: 0
	return n
}

// milliseconds reads a column of microseconds.
func (r row) milliseconds(name string) float64 { return float64(r.number(name)) / 1000 }

// show asks the console one thing. It speaks the simple protocol only.
func (p *poolsConsole) show(ctx context.Context, what string) (rows []row, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turns++
	err = bound(ctx, queryTimeout, func(ctx context.Context) error {
		results, err := p.conn.PgConn().Exec(ctx, "SHOW "+what).ReadAll()
		if err != nil || len(results) != 1 {
			return err
		}
		for _, values := range results[0].Rows {
			r := row{}
			for i, f := range results[0].FieldDescriptions {
				r[f.Name] = string(values[i])
			}
			rows = append(rows, r)
		}
		return nil
	})
	return rows, err
}

// of keeps the rows of the app's database.
func (p *poolsConsole) of(rows []row, column string) []row {
	var out []row
	for _, r := range rows {
		if r[column] == p.database {
			out = append(out, r)
		}
	}
	return out
}

// readSettings reads what does not change while the probe runs.
func (p *poolsConsole) readSettings(ctx context.Context) *poolerFacts {
	f := &poolerFacts{settings: map[string]string{}}
	for _, step := range []struct {
		what string
		take func([]row)
	}{
		{"CONFIG", func(rows []row) {
			for _, r := range rows {
				f.settings[r["key"]] = r["value"]
			}
		}},
		{"DATABASES", func(rows []row) {
			for _, r := range p.of(rows, "name") {
				f.poolSize, f.maxConnections, f.connections = r.number("pool_size"), r.number("max_connections"), r.number("current_connections")
				f.poolMode, f.paused = r["pool_mode"], r["paused"] == "1"
			}
		}},
		{"LISTS", func(rows []row) {
			for _, r := range rows {
				if r["list"] == "used_clients" {
					f.clients = r.number("items")
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
		f.poolSize = row(f.settings).number("default_pool_size")
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
	for _, r := range p.of(stats, "database") {
		m.stats = poolerStats{
			transactions: r.number("total_xact_count"), queries: r.number("total_query_count"),
			transactionMS: r.milliseconds("total_xact_time"), queryMS: r.milliseconds("total_query_time"),
			waitMS:           r.milliseconds("total_wait_time"),
			avgTransactionMS: r.milliseconds("avg_xact_time"), avgQueryMS: r.milliseconds("avg_query_time"),
			avgMS: r.milliseconds("avg_wait_time"),
		}
	}
	p.addServers(servers, m.servers)
	return m
}

// addServers adds the app's server connections to a set.
func (p *poolsConsole) addServers(rows []row, to map[string]bool) {
	for _, r := range p.of(rows, "database") {
		if r["remote_pid"] != "0" { // it is being opened
			to[r["remote_pid"]+" "+r["connect_time"]] = true
		}
	}
}

// serversEvery is how often SHOW SERVERS is asked while statements run: often enough to see connections
// that live for a second, seldom enough for a console over an ocean.
const serversEvery = 400 * time.Millisecond

// watchServers notes the server connections that come and go. The function that it returns ends that.
func (p *poolsConsole) watchServers(ctx context.Context, f *poolerFacts) (stop func()) {
	f.between = map[string]bool{}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(serversEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			// Ended by the probe's own deadlines, not by stop: a cancelled question would close the console.
			rows, err := p.show(context.WithoutCancel(ctx), "SERVERS")
			if err != nil {
				return
			}
			p.addServers(rows, f.between)
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}
