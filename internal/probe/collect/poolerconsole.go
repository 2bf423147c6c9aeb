package collect

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// leastPerSecond transactions make avg_xact_count, which is cut to an integer, a count to divide by.
const leastPerSecond = 10

// statsOf reads a row of SHOW STATS. Before assignments were counted, avg_wait_time was the wait of all clients together
// in a second.
func statsOf(r store.ConsoleRow) facts.PoolerStats {
	s := facts.PoolerStats{
		Transactions: r.Number("total_xact_count"), Queries: r.Number("total_query_count"),
		TransactionMS: r.Milliseconds("total_xact_time"), QueryMS: r.Milliseconds("total_query_time"),
		WaitMS: r.Milliseconds("total_wait_time"), RecentWaitMS: r.Milliseconds("avg_wait_time"),
	}
	if _, counted := r["total_server_assignment_count"]; counted {
		s.Waits = r.Number("total_server_assignment_count")
		return s
	}
	s.Waits = s.Transactions
	switch perSecond := r.Number("avg_xact_count"); {
	case perSecond >= leastPerSecond:
		s.RecentWaitMS /= float64(perSecond)
	case s.RecentWaitMS > 0:
		s.RecentWaitMS = -1
	}
	return s
}

// readSettings reads what does not change while the probe runs; user is the app's role.
func (p *poolsConsole) readSettings(ctx context.Context, version facts.Release, user string) *facts.PoolerFacts {
	f := &facts.PoolerFacts{Version: version, Settings: store.ConsoleRow{}}
	rows, err := p.show(ctx, "CONFIG")
	if err == nil {
		for _, r := range rows {
			f.Settings[r["key"]] = r["value"]
		}
		_, err = p.readDatabase(ctx, f)
	}
	if err == nil {
		rows, err = p.show(ctx, "LISTS")
	}
	if err != nil {
		f.Failed = dial.Explain(ctx, "", err)
		return f
	}
	for _, r := range rows {
		if r["list"] == "used_clients" {
			f.Clients = r.Number("items")
		}
	}
	p.readUser(ctx, f, user)
	return f
}

// readDatabase reads the app's row of SHOW DATABASES, and reports whether it is listed. One of the wildcard (*) is not
// before a client asks for it, and some versions leave it out while nobody does.
func (p *poolsConsole) readDatabase(ctx context.Context, f *facts.PoolerFacts) (listed bool, err error) {
	rows, err := p.show(ctx, "DATABASES")
	for _, r := range p.console.Of(rows, "name") {
		f.Database, f.PoolMode, listed = r, r["pool_mode"], true
	}
	p.sizedAs(f)
	return listed, err
}

// readUser reads the app's row of SHOW USERS in the versions in which users have limits of their own.
func (p *poolsConsole) readUser(ctx context.Context, f *facts.PoolerFacts, name string) {
	if f.Version.Before(facts.NewLimits()) {
		return
	}
	rows, err := p.show(ctx, "USERS")
	if err != nil {
		return // what the database and the pooler allow is known
	}
	for _, r := range rows {
		if r["name"] == name {
			f.User = r
		}
	}
	p.sizedAs(f)
}

// sizedAs notes how many server connections the pool may have.
func (p *poolsConsole) sizedAs(f *facts.PoolerFacts) {
	size := f.SetSize()
	if size == 0 {
		size = math.MaxInt64
	}
	p.size.Store(size)
}

// moment reads what the pooler counts.
func (p *poolsConsole) moment(ctx context.Context, atMS float64) facts.ConsoleMoment {
	stats, err := p.show(ctx, "STATS")
	if err != nil {
		return facts.ConsoleMoment{}
	}
	servers, err := p.show(ctx, "SERVERS")
	if err != nil {
		return facts.ConsoleMoment{}
	}
	m := facts.ConsoleMoment{Known: true, At: atMS, Servers: map[string]bool{}}
	for _, r := range p.console.Of(stats, "database") {
		m.Stats = statsOf(r)
	}
	m.Linked = p.addServers(servers, m.Servers)
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

// serversEvery is how often SHOW SERVERS is asked while statements run: often enough to see connections
// that live for a second, seldom enough for a console over an ocean.
const serversEvery = 400 * time.Millisecond

// watchServers notes the server connections that come and go. The function that it returns ends that.
func (p *poolsConsole) watchServers(ctx context.Context, f *facts.PoolerFacts) (stop func()) {
	f.Between = map[string]bool{}
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
			f.Linked = append(f.Linked, p.addServers(rows, f.Between))
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}
