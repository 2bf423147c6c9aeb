package probe

import (
	"fmt"
	"math"
)

// end is a statement that ends what a process does, and only as long as it is still at the transaction that
// was seen: behind a pooler the same process serves somebody else a moment later. ageS is how old that
// transaction was at least, and may be rounded down, never up.
func end(function string, pid int64, ageS float64, more string) string {
	return fmt.Sprintf(`psql "$DATABASE_DIRECT_URL" -c "SELECT %s(pid) FROM pg_stat_activity WHERE pid = %d AND xact_start < now() - interval '%.1f s'%s"`,
		function, pid, math.Floor(ageS*10)/10, more)
}

// terminate ends a session. pg_cancel_backend would not do: a session that is idle has nothing to cancel.
func terminate(pid int64, ageS float64, more string) string {
	return end("pg_terminate_backend", pid, ageS, more) + `   # its transaction is rolled back; then mend what left it open`
}

// Remedies of lock chains without a process to end.
const (
	rollbackPrepared = `psql "$DATABASE_DIRECT_URL" -c 'SELECT gid, prepared, owner FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared'   # nobody finishes it: ROLLBACK PREPARED '<gid>', or COMMIT PREPARED if its coordinator has decided so`
	seeBlockers      = `psql "$DATABASE_DIRECT_URL" -c 'SELECT pid, pg_blocking_pids(pid), state, now() - xact_start AS age FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0'   # is it back? Then end the root only`
)
