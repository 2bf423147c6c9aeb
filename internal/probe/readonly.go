package probe

import "github.com/jackc/pgx/v5"

// The time-outs that bound every statement of the probe on the server. Views of statistics answer in a few
// milliseconds, and a statement that waits for a lock is given up at once: the probe never stands in a queue
// behind a migration.
const (
	statementTimeout   = "2s"
	statementTimeoutMS = 2000
	lockTimeout        = "200ms"
)

// beginReadOnly opens a read-only transaction with the probe's time-outs.
func beginReadOnly() []string {
	return []string{
		"BEGIN READ ONLY",
		"SET LOCAL statement_timeout = '" + statementTimeout + "'",
		"SET LOCAL lock_timeout = '" + lockTimeout + "'",
	}
}

// readOnly starts a batch with it.
func readOnly() *pgx.Batch {
	b := &pgx.Batch{}
	for _, sql := range beginReadOnly() {
		b.Queue(sql)
	}
	return b
}
