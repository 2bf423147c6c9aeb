package facts

import "fmt"

// PoolerSetting is one of PgBouncer's settings, the value that it should have, and whether another will do.
type PoolerSetting struct {
	Name, Tuned, Unit string
	Holds             func(value int64) bool
	Why               string
	// Ends is set where the pooler closes the app's connection: the next request pays for a new one.
	Ends bool
}

// The app's own limits, in seconds: a connection's longest life (DB_CONN_MAX_LIFETIME and a tenth), and how long
// a statement may take.
const (
	LongestLife      = 1980
	longestStatement = 15
)

// PoolerSettings are those of the lab, which is the replica of production (internal/lab, pooler.go); what
// that leaves out has PgBouncer's own default there.
func PoolerSettings() []PoolerSetting {
	atLeast := func(n int64) func(int64) bool { return func(v int64) bool { return v >= n } }
	neverBefore := func(n int64) func(int64) bool { return func(v int64) bool { return v == 0 || v >= n } }
	return []PoolerSetting{
		{Name: DefaultPoolSize, Tuned: fmt.Sprint(TunedPoolSize), Holds: atLeast(TunedPoolSize), Why: "one pod can have DB_MIN_IDLE_CONNS busy connections at once"},
		{Name: "max_client_conn", Tuned: "1000", Holds: atLeast(1000), Why: "each pod opens up to DB_MAX_CONNS, and a rollout doubles the number of pods"},
		{Name: "server_idle_timeout", Tuned: "600", Unit: " s", Holds: neverBefore(600), Why: "idle server connections are closed, and the next statement waits for a new one"},
		{Name: "server_lifetime", Tuned: "3600", Unit: " s", Holds: atLeast(3600), Why: "server connections are renewed more often, and each time a statement waits"},
		{Name: "query_wait_timeout", Tuned: "120", Unit: " s", Holds: func(v int64) bool { return v > 0 && v <= 120 }, Why: "clients wait in the queue longer than users wait for a response"},
		{Name: "server_reset_query_always", Tuned: "0", Holds: func(v int64) bool { return v == 0 }, Why: "each transaction is followed by a DISCARD ALL"},
		{Name: "server_login_retry", Tuned: "15", Unit: " s", Holds: func(v int64) bool { return v <= 15 }, Why: "statements keep failing for that long after Postgres is back"},
		{Name: IdleSetting, Tuned: "0", Unit: " s", Holds: neverBefore(LongestLife), Ends: true, Why: "an idle connection of the app is closed after that time"},
		{Name: "query_timeout", Tuned: "0", Unit: " s", Holds: neverBefore(longestStatement), Ends: true, Why: "a statement that takes that long fails, and its connection is closed"},
		{Name: "idle_transaction_timeout", Tuned: "0", Unit: " s", Holds: neverBefore(longestStatement), Ends: true, Why: "a transaction that is idle that long fails, and its connection is closed"},
		{Name: "transaction_timeout", Tuned: "0", Unit: " s", Holds: neverBefore(longestStatement), Ends: true, Why: "a transaction that takes that long fails, and its connection is closed"},
	}
}

// SetPooler changes a setting until the pooler starts anew.
func SetPooler(name, value string) string {
	return fmt.Sprintf(`psql "$PGBOUNCER_ADMIN_URL" -c "SET %s = '%s'"   # and in pgbouncer.ini, or the next restart reverts it`, name, value)
}

// Connecting is the price of a connection that was closed.
func (e Endpoint) Connecting() string {
	return fmt.Sprintf("the request that needs a new one waits %d turns (%.0f ms) for it", e.ConnectTurns, e.ConnectMS)
}

// IdleSetting closes the connections of clients that are idle.
const IdleSetting = "client_idle_timeout"
