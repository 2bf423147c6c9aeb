package lab

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/link"
)

// TestTurnsOfConnecting pins what a connection costs: TCP, SSLRequest, TLS 1.3
// (one more when the server asks for another key share), start-up and two of
// SCRAM. The meter and the link count it independently.
func TestTurnsOfConnecting(t *testing.T) {
	l := startLab(t, Config{Dir: testDir(t), RTT: 20 * time.Millisecond})
	for _, c := range []struct {
		name, url string
		proxy     *link.Proxy
	}{
		{"pooler", l.Env().DatabaseURL, l.Pooler()},
		{"direct", l.Env().DirectURL, l.Direct()},
	} {
		t.Run(c.name, func(t *testing.T) {
			var dials link.Dials
			conn, m := dialMetered(t, c.url, &dials)
			want := int64(6)
			if secured, ok := conn.PgConn().Conn().(*tls.Conn); !ok {
				t.Error("no TLS")
			} else if secured.ConnectionState().HelloRetryRequest {
				want++ // Debian's Postgres 15 takes P-256 only
			}
			t.Logf("%d turns", m.ConnectTurns())
			if m.ConnectTurns() != want || dials.Turns() != want || dials.Count() != 1 {
				t.Errorf("%d turns to connect, %d charged for %d dials, want %d in 1", m.ConnectTurns(), dials.Turns(), dials.Count(), want)
			}
			if n := c.proxy.Counts(); n.Dials != 1 || n.Turns+1 != want {
				t.Errorf("the link saw %d dials and %d turns after TCP, want 1 and %d", n.Dials, n.Turns, want-1)
			}
		})
	}
}

// TestTurnsOfStatements: a statement is one turn, a pipeline of two is one,
// two in a row are two, in the meter, at the link and in time.
func TestTurnsOfStatements(t *testing.T) {
	const rtt = 60 * time.Millisecond
	l := startLab(t, Config{Dir: testDir(t), RTT: rtt})
	var dials link.Dials
	conn, m := dialMetered(t, l.Env().DatabaseURL, &dials)

	one := func() {
		if _, err := conn.Exec(t.Context(), "SELECT $1::int", 1); err != nil {
			t.Fatal(err)
		}
	}
	measure := func(work func()) (turns, seen int64, took time.Duration) {
		took = time.Hour
		before, outside := m.Turns(), l.Pooler().Counts().Turns
		for range 3 { // the least of three is the link's own time
			began := time.Now()
			work()
			took = min(took, time.Since(began))
		}
		return m.Turns() - before, l.Pooler().Counts().Turns - outside, took
	}
	both := func() { one(); one() }
	turns, seen, sequential := measure(both)
	if turns != 6 || seen != 6 {
		t.Errorf("three times two statements: %d turns, %d at the link, want 6", turns, seen)
	}
	batch := func() {
		var b pgx.Batch
		b.Queue("SELECT $1::int", 1)
		b.Queue("SELECT $1::int", 2)
		if err := conn.SendBatch(t.Context(), &b).Close(); err != nil {
			t.Fatal(err)
		}
	}
	turns, seen, pipelined := measure(batch)
	if turns != 3 || seen != 3 {
		t.Errorf("three times a batch of two: %d turns, %d at the link, want 3", turns, seen)
	}
	if pipelined < rtt || sequential < 2*rtt {
		t.Errorf("pipelined %s, sequential %s: less than the link's %s and its double", pipelined, sequential, rtt)
	}
	ratio := func() float64 { return float64(sequential) / float64(pipelined) }
	for n := 0; n < 20 && (ratio() < 1.6 || ratio() > 2.6); n++ { // a busy machine only adds to both
		_, _, more := measure(both)
		sequential = min(sequential, more)
		_, _, more = measure(batch)
		pipelined = min(pipelined, more)
	}
	if ratio() < 1.6 || ratio() > 2.6 {
		t.Errorf("sequential/pipelined = %s/%s = %.2f, want about 2", sequential, pipelined, ratio())
	}
}

// dialMetered connects in a mode that is one turn a statement, and marks the
// end of connecting.
func dialMetered(t *testing.T, url string, dials *link.Dials) (*pgx.Conn, *link.Conn) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.DialFunc = pgconn.DialFunc(dials.Wrap(new(net.Dialer).DialContext))
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	m, ok := link.Of(conn.PgConn().Conn())
	if !ok {
		t.Fatal("the connection is not metered")
	}
	m.Ready()
	return conn, m
}
