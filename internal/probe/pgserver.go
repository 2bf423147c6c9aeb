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
	// samples are the times of all empty queries so far. Of one that had no answer it is how long it was waited for.
	samples []time.Duration
	// lost is set where one of them had no answer in queryTimeout.
	lost bool
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
	s.conn, s.meter = conn, w.meter
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
	samples, err := measureFloor(ctx, s.empty)
	if err != nil {
		s.afterLoss(ctx, err)
	}
	s.endpoint.setFloor(samples, FloorSamples)
	if s.endpoint.FloorMS > 0 {
		s.floor = slices.Min(samples)
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
	s.samples, s.lost = append(s.samples, queryTimeout), true
	s.dials, s.spent = s.dials+1, s.turns()
	conn, w, err := connectPG(ctx, s.config)
	if err != nil {
		s.fail(ctx, w.reached(), err)
		return
	}
	s.conn, s.meter = conn, w.meter
}

// empty makes one round trip with an empty statement; the caller bounds it.
func (s *pgServer) empty(ctx context.Context) error {
	began := time.Now()
	err := s.conn.PgConn().Exec(ctx, "").Close()
	if err == nil {
		s.samples = append(s.samples, time.Since(began))
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
