package dial

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/probe/check"
)

// TestTLSThatIsWanted: a server that refuses a client without TLS is not told to turn it on.
func TestTLSThatIsWanted(t *testing.T) {
	f := Explain(t.Context(), "authentication", &pgconn.PgError{Severity: "FATAL", Code: "08P01", Message: "SSL required"})
	if got := check.Repair(f, "DATABASE_URL", "db:6432"); !strings.Contains(got, "edit secret") || !strings.Contains(got, "sslmode=verify-full") {
		t.Errorf("it is mended by %q", got)
	}
	f = Explain(t.Context(), "ssl_request", errors.New("no TLS"))
	if got := check.Repair(f, "DATABASE_URL", "db:6432"); !strings.Contains(got, "enable it there") {
		t.Errorf("a server without TLS is mended by %q", got)
	}
}
