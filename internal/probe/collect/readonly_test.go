package collect

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
)

// TestEveryReadHasItsTimeouts: whatever reads the catalogue can't write, waits for no lock and for no slow server, takes
// one turn, and leaves the connection free.
func TestEveryReadHasItsTimeouts(t *testing.T) {
	env := labtest.Database(t, nil)
	s := opened(t, env.DirectURL)
	if s.Failed != nil {
		t.Fatal(s.Failed)
	}
	defer s.close(t.Context())
	before := s.turns()
	if _, err := readSchema(t.Context(), s.conn); err != nil {
		t.Fatal(err)
	}
	if turns := s.turns() - before; turns != 1 {
		t.Errorf("the schema takes %d turns, want 1", turns)
	}
	holder, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(t.Context())
	for _, sql := range []string{"CREATE TABLE goose_db_version (id int, version_id bigint, is_applied bool)", "BEGIN", "LOCK TABLE goose_db_version"} {
		if _, err := holder.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	_, err = pendingMigrations(t.Context(), s.conn)
	if f := dial.Explain(t.Context(), "", err); !f.CutOff() || f.Code() != "55P03" { // by the lock's own time-out, which is the shortest
		t.Errorf("behind a lock: %v", err)
	}
	none := func(rows pgx.Rows) error { rows.Close(); return rows.Err() }
	for sql, code := range map[string]string{"CREATE TABLE canary (id int)": "25006", "SELECT pg_sleep(9)": "57014"} {
		if f := dial.Explain(t.Context(), "", readInOneTurn(t.Context(), s.conn, sql, none)); f.Code() != code {
			t.Errorf("%s: %v, want %s", sql, f, code)
		}
	}
	if !s.usable() || s.conn.PgConn().TxStatus() != 'I' {
		t.Error("the connection is lost, or still in a transaction")
	}
}
