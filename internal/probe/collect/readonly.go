package collect

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

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

// inOneTurn sends a batch that readOnly has started, and ends its transaction.
func inOneTurn(ctx context.Context, conn *pgx.Conn, b *pgx.Batch) error {
	b.Queue("ROLLBACK")
	err := dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error { return conn.SendBatch(ctx, b).Close() })
	if err != nil {
		rollback(ctx, conn)
	}
	return err
}

// rollback ends a transaction that an error has left open.
func rollback(ctx context.Context, conn *pgx.Conn) {
	if conn.IsClosed() || conn.PgConn().TxStatus() == 'I' {
		return
	}
	_ = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error { // the error that led here is the one to tell
		return conn.PgConn().Exec(ctx, "ROLLBACK").Close()
	})
}
