package probe

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// What one step may take at most; the probe's own deadline bounds all of them together.
const (
	connectTimeout = 5 * time.Second
	queryTimeout   = 3 * time.Second
)

// pgServer is a way to the database: the pooler or the direct endpoint.
type pgServer struct {
	config   *pgx.ConnConfig
	conn     *pgx.Conn // nil if connecting failed
	meter    *link.Conn
	remote   net.IP // whom it is connected to; nil if it never was
	endpoint Endpoint
	floor    time.Duration
	// failed is why it can't be used: connecting, or the first query through it.
	failed *failure
	// pooled is whether a pooler is in between, told only if proof is set; see store.ThroughPooler.
	pooled bool
	proof  string
	// standby is whether it leads to a server in recovery, which takes no write.
	standby bool
	// serverVersion is Postgres's, such as 150018.
	serverVersion int
	// dials counts the connections tried.
	dials int
	// spent are the turns of a connection that was lost and opened again.
	spent int64
	// samples are the times of all empty queries so far that had a server connection already, because no pooler is in
	// between or a transaction was open. A queue in the pooler is not in them.
	samples []time.Duration
	// acquired are the times of those that the pooler had to assign a server connection to first. Of one in either list
	// that had no answer it is queryTimeout.
	acquired []time.Duration
}

// openPG connects by url and measures the waterfall, the proof of a pooler and the floor. It returns a server in any
// case; failed says what went wrong.
func openPG(ctx context.Context, name, url string) *pgServer {
	s := &pgServer{endpoint: Endpoint{Name: name}}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// pgx's own text quotes the URL.
		s.fail(ctx, "config", err)
		return s
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnectTimeout = connectTimeout
	s.config = config
	s.endpoint.Address = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	s.connect(ctx)
	if s.failed == nil {
		s.measure(ctx)
	}
	return s
}

func (s *pgServer) connect(ctx context.Context) {
	s.dials++
	conn, w, err := connectPG(ctx, s.config)
	s.endpoint.Phases, s.endpoint.TLS = w.phases(), w.tls()
	s.endpoint.sum()
	if w.attempts > 1 {
		s.endpoint.Notes = append(s.endpoint.Notes, fmt.Sprintf("%d attempts were made; the phases are the last one's", w.attempts))
	}
	if err != nil {
		s.fail(ctx, w.reached(), err)
		return
	}
	s.conn, s.meter, s.remote = conn, w.meter, ipOf(w.meter.RemoteAddr())
}

// ipOf is nil for what is no address of the network.
func ipOf(a net.Addr) net.IP {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.IP
	}
	return nil
}

// measure proves the pooler and takes the floor. The proof comes first, so that a server that lets in
// and then never answers is told from one that is slow.
func (s *pgServer) measure(ctx context.Context) {
	err := bound(ctx, queryTimeout, func(ctx context.Context) error {
		var pid uint32
		var version string
		if err := s.conn.QueryRow(ctx, "SELECT pg_backend_pid()::int8, current_setting('server_version_num'), pg_is_in_recovery()").Scan(&pid, &version, &s.standby); err != nil {
			return err
		}
		s.serverVersion, _ = strconv.Atoi(version) // 0 is "not told"
		s.pooled, s.proof = store.ThroughPooler(s.config.Host, s.conn.PgConn().PID(), pid)
		return nil
	})
	if err != nil {
		s.fail(ctx, "", err)
		return
	}
	if err := s.measureFloor(ctx); err != nil {
		s.afterLoss(ctx, err)
	}
	if s.endpoint.FloorMS > 0 {
		s.floor = slices.Min(s.samples)
	}
	s.endpoint.judgeProxy(s.meter)
}

// afterLoss opens the connection again that an empty query without an answer has cost. A statement has come back by
// then: what stands still once is slow, and down is what can't be connected to any more.
func (s *pgServer) afterLoss(ctx context.Context, err error) {
	if f := explain(ctx, "", err); !f.cutOff() {
		s.fail(ctx, "", err)
		return
	}
	s.dials, s.spent = s.dials+1, s.turns()
	conn, w, err := connectPG(ctx, s.config)
	if err != nil {
		s.fail(ctx, w.reached(), err)
		return
	}
	s.conn, s.meter = conn, w.meter
}

// measureFloor takes the floor of statements that have a server connection: a wait in the pooler is no distance.
func (s *pgServer) measureFloor(ctx context.Context) error {
	if !s.pooled {
		_, err := measureFloor(ctx, FloorSamples, s.empty)
		s.endpoint.setFloor(s.samples, FloorSamples)
		return err
	}
	_, err := measureFloor(ctx, FloorSamples/turnsOfTransaction, s.transaction)
	s.endpoint.setFloor(s.samples, FloorSamples/turnsOfTransaction*(turnsOfTransaction-1))
	return err
}

// turnsOfTransaction is how many round trips transaction takes; all but the first have their server connection.
const turnsOfTransaction = 3

// transaction begins, asks for nothing and ends: the pooler assigns a server connection to BEGIN, and the two statements
// after it have that one.
func (s *pgServer) transaction(ctx context.Context) error {
	if err := s.ask(ctx, "BEGIN READ ONLY", &s.acquired); err != nil {
		return err
	}
	if err := s.ask(ctx, "", &s.samples); err != nil {
		return err
	}
	return s.ask(ctx, "ROLLBACK", &s.samples)
}

// empty makes one round trip with an empty statement outside a transaction.
func (s *pgServer) empty(ctx context.Context) error {
	if s.pooled {
		return s.ask(ctx, "", &s.acquired)
	}
	return s.ask(ctx, "", &s.samples)
}

// ask makes one round trip with a statement that does next to nothing, and notes its time.
func (s *pgServer) ask(ctx context.Context, sql string, times *[]time.Duration) error {
	began := time.Now()
	err := bound(ctx, queryTimeout, func(ctx context.Context) error { return s.conn.PgConn().Exec(ctx, sql).Close() })
	if err == nil {
		*times = append(*times, time.Since(began))
	} else if explain(ctx, "", err).cutOff() {
		*times = append(*times, queryTimeout)
	}
	return err
}

func (s *pgServer) fail(ctx context.Context, phase string, err error) {
	s.failed = explain(ctx, phase, err)
	s.endpoint.Error = s.failed.Error()
}

func (s *pgServer) usable() bool {
	return s != nil && s.failed == nil && s.conn != nil && !s.conn.IsClosed()
}

// answered reports whether the server could be used; the connection may be closed by now.
func (s *pgServer) answered() bool { return s != nil && s.failed == nil }

// turns is what this connection has cost so far, connecting included.
func (s *pgServer) turns() int64 {
	if s == nil || s.meter == nil {
		return 0
	}
	return s.spent + s.meter.Turns() + 1 // TCP's own handshake is not seen by the meter
}

func (s *pgServer) close(ctx context.Context) {
	if s == nil || s.conn == nil {
		return
	}
	// When the probe's time is over, nobody waits for an answer any more.
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = s.conn.Close(ctx) // nothing is lost with it
}

// bound runs f with a deadline of its own within ctx.
func bound(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f(ctx)
}

// err is why the server can't be used, nil if it can.
func (s *pgServer) err() error {
	if s == nil || s.failed == nil {
		return nil
	}
	return s.failed
}
