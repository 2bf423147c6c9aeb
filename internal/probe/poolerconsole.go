package probe

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// poolerFacts is what the pooler's console says of itself and of the app's database.
type poolerFacts struct {
	// version is PgBouncer's, nil where it did not say one.
	version release
	// settings is SHOW CONFIG by key. database is the app's row of SHOW DATABASES, nil before the pooler knows it; user
	// the app's of SHOW USERS, nil where this version has no limits for users.
	settings, database, user store.ConsoleRow
	// poolSize is how many server connections the app's pool may have at most, 0 if there is no limit; see setSize.
	poolSize int64
	poolMode string // of this database; empty is the pooler's own
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

// poolerStats are sums since the pooler's start; times in ms. Those of transactions and queries hold the wait for a server
// connection in every version. A transaction waits once, however many queries it has.
type poolerStats struct {
	transactions, queries          int64
	transactionMS, queryMS, waitMS float64
	// waits is how often a server connection was waited for, if only for a moment: each assignment of one, where the
	// version counts those, else each transaction.
	waits int64
	// recentWaitMS is what one of them took in the pooler's last period, a minute; negative where that is not known.
	recentWaitMS float64
}

// leastPerSecond transactions make avg_xact_count, which is cut to an integer, a count to divide by.
const leastPerSecond = 10

// statsOf reads a row of SHOW STATS. Before assignments were counted, avg_wait_time was the wait of all clients together
// in a second.
func statsOf(r store.ConsoleRow) poolerStats {
	s := poolerStats{
		transactions: r.Number("total_xact_count"), queries: r.Number("total_query_count"),
		transactionMS: r.Milliseconds("total_xact_time"), queryMS: r.Milliseconds("total_query_time"),
		waitMS: r.Milliseconds("total_wait_time"), recentWaitMS: r.Milliseconds("avg_wait_time"),
	}
	if _, counted := r["total_server_assignment_count"]; counted {
		s.waits = r.Number("total_server_assignment_count")
		return s
	}
	s.waits = s.transactions
	switch perSecond := r.Number("avg_xact_count"); {
	case perSecond >= leastPerSecond:
		s.recentWaitMS /= float64(perSecond)
	case s.recentWaitMS > 0:
		s.recentWaitMS = -1
	}
	return s
}

// readSettings reads what does not change while the probe runs; user is the app's role.
func (p *poolsConsole) readSettings(ctx context.Context, version release, user string) *poolerFacts {
	f := &poolerFacts{version: version, settings: store.ConsoleRow{}}
	rows, err := p.show(ctx, "CONFIG")
	if err == nil {
		for _, r := range rows {
			f.settings[r["key"]] = r["value"]
		}
		_, err = p.readDatabase(ctx, f)
	}
	if err == nil {
		rows, err = p.show(ctx, "LISTS")
	}
	if err != nil {
		f.failed = explain(ctx, "", err)
		return f
	}
	for _, r := range rows {
		if r["list"] == "used_clients" {
			f.clients = r.Number("items")
		}
	}
	p.readUser(ctx, f, user)
	return f
}

// readDatabase reads the app's row of SHOW DATABASES, and reports whether it is listed. One of the wildcard (*) is not
// before a client asks for it, and some versions leave it out while nobody does.
func (p *poolsConsole) readDatabase(ctx context.Context, f *poolerFacts) (listed bool, err error) {
	rows, err := p.show(ctx, "DATABASES")
	for _, r := range p.console.Of(rows, "name") {
		f.database, f.poolMode, listed = r, r["pool_mode"], true
	}
	p.sizedAs(f)
	return listed, err
}

// readUser reads the app's row of SHOW USERS in the versions in which users have limits of their own.
func (p *poolsConsole) readUser(ctx context.Context, f *poolerFacts, name string) {
	if f.version.before(newLimits()) {
		return
	}
	rows, err := p.show(ctx, "USERS")
	if err != nil {
		return // what the database and the pooler allow is known
	}
	for _, r := range rows {
		if r["name"] == name {
			f.user = r
		}
	}
	p.sizedAs(f)
}

// sizedAs notes how many server connections the pool may have.
func (p *poolsConsole) sizedAs(f *poolerFacts) {
	size := f.setSize()
	if size == 0 {
		size = math.MaxInt64
	}
	p.size.Store(size)
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
		m.stats = statsOf(r)
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
