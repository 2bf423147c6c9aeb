package facts

import (
	"fmt"
)

// StuckPool is what the console says of the app's pool while a client waits in it.
type StuckPool struct {
	Known                  bool
	Paused, DatabasePaused bool
	StateKnown             bool // SHOW STATE was answered
	// Unlisted is set where SHOW DATABASES does not name the database. PgBouncer 1.18 leaves out one of its wildcard (*) that
	// had no client at its last maintenance, although clients wait in it by now.
	Unlisted                 bool
	Waiting, Active, Servers int64 // servers of any state
}

// Hopeless reports whether whoever waits is given nothing: the pool is paused, or it has no server connection and opens
// none.
func (s StuckPool) Hopeless() bool {
	return s.Paused || s.DatabasePaused || s.Known && s.Waiting > 0 && s.Servers == 0
}

// Holders is the command that shows who holds the server connections of a pool.
const Holders = `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, application_name, state, now() - xact_start AS age FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL ORDER BY 4 DESC"`

// Resume is the command that ends a PAUSE of the pooler.
const Resume = `psql "$PGBOUNCER_ADMIN_URL" -c RESUME`

// LargerPool doubles the pool.
func (f *PoolerFacts) LargerPool() string {
	if _, by := f.DeclaredSize(); by != DefaultPoolSize {
		return fmt.Sprintf("; or raise the %s in pgbouncer.ini and RELOAD", by)
	}
	return fmt.Sprintf(`; or: psql "$PGBOUNCER_ADMIN_URL" -c 'SET default_pool_size = %d'`, 2*f.PoolSize)
}
