package facts

import (
	"github.com/honeydue/honeydue/internal/store"
)

// PoolerFacts is what the pooler's console says of itself and of the app's database.
type PoolerFacts struct {
	// Version is PgBouncer's, nil where it did not say one.
	Version Release
	// Settings is SHOW CONFIG by key. database is the app's row of SHOW DATABASES, nil before the pooler knows it; user
	// the app's of SHOW USERS, nil where this version has no limits for users.
	Settings, Database, User store.ConsoleRow
	// PoolSize is how many server connections the app's pool may have at most, 0 if there is no limit; see setSize.
	PoolSize int64
	PoolMode string // of this database; empty is the pooler's own
	// Clients is how many are connected, of any database.
	Clients int64
	First   store.Pools // SHOW POOLS at the probe's begin
	HasPool bool
	// Before and after are SHOW STATS and SHOW SERVERS at the begin of the statements and at the end.
	Before, After ConsoleMoment
	// Between are the server connections that were seen at any moment in between.
	Between map[string]bool
	// Linked is how many of them had a client in each of those looks.
	Linked []int
	// Stuck is the pool while a client waited in it for longer than connecting takes.
	Stuck  StuckPool
	Failed *Failure
}

// ConsoleMoment is what has been counted up to a moment.
type ConsoleMoment struct {
	Known bool
	At    float64 // ms since the probe began
	Stats PoolerStats
	// Servers are the pool's server connections, by process id and time of opening.
	Servers map[string]bool
	// Linked is how many of them had a client.
	Linked int
}

// PoolerStats are sums since the pooler's start; times in ms. Those of transactions and queries hold the wait for a server
// connection in every version. A transaction waits once, however many queries it has.
type PoolerStats struct {
	Transactions, Queries          int64
	TransactionMS, QueryMS, WaitMS float64
	// Waits is how often a server connection was waited for, if only for a moment: each assignment of one, where the
	// version counts those, else each transaction.
	Waits int64
	// RecentWaitMS is what one of them took in the pooler's last period, a minute; negative where that is not known.
	RecentWaitMS float64
}

// MeanLinked is how many server connections had a client, on average over the looks.
func (f *PoolerFacts) MeanLinked() float64 {
	sum := f.Before.Linked + f.After.Linked
	for _, n := range f.Linked {
		sum += n
	}
	return float64(sum) / float64(2+len(f.Linked))
}
