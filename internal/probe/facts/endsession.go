package facts

import (
	"fmt"
	"time"
)

// End is a statement that ends what a process does, and only as long as it is still at the transaction that was seen:
// behind a pooler the same process serves somebody else a moment later. began says which one that was.
func End(function string, pid int64, began, more string) string {
	return fmt.Sprintf(`psql "$DATABASE_DIRECT_URL" -c "SELECT %s(pid) FROM pg_stat_activity WHERE pid = %d AND %s%s"`, function, pid, began, more)
}

// Terminate ends a session. pg_cancel_backend would not do: a session that is idle has nothing to cancel.
func Terminate(pid int64, began, more string) string {
	return End("pg_terminate_backend", pid, began, more) + `   # its transaction is rolled back; then fix the code that left it open`
}

// Began is the condition for the session's transaction. It is a moment of the server's clock and no age: an age would be
// reckoned from when the statement is pasted, and fit whatever the process is at by then.
func (s PGSession) Began() string { return "xact_start = " + timestamp(s.XactAt) }

// BeganBefore is the condition for a transaction of which no more is known than that it was there at a moment.
func BeganBefore(micros int64) string { return "xact_start < " + timestamp(micros) }

// timestamp is a moment as SQL, exact to Postgres's own microsecond.
func timestamp(micros int64) string {
	return "'" + time.UnixMicro(micros).UTC().Format("2006-01-02 15:04:05.000000") + "+00'"
}

// Remedies of lock chains without a process to end.
const (
	RollbackPrepared = `psql "$DATABASE_DIRECT_URL" -c 'SELECT gid, prepared, owner FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared'   # if no coordinator will finish it: ROLLBACK PREPARED '<gid>', or COMMIT PREPARED if it decided to commit`
	SeeBlockers      = `psql "$DATABASE_DIRECT_URL" -c 'SELECT pid, pg_blocking_pids(pid), state, now() - xact_start AS age FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0'   # if it recurs, end only the root blocker`
)
