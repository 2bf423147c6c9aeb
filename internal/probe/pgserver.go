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
	// reachTimeout is for TCP's handshake, and then for TLS: these two answer without any work of a server's, so that
	// silence for so long, in which a lost segment is sent again once, is no slow server. The log-in has connectTimeout,
	// for a suspended database is woken by it.
	reachTimeout = 2500 * time.Millisecond
)

// pgServer is what is known of a way to the database: the pooler or the direct endpoint.
type pgServer struct {
	host     string // of its URL
	tls      tlsTrust
	remote   net.IP // whom it is connected to; nil if it never was
	endpoint Endpoint
	floor    time.Duration
	// failed is why it can't be used: connecting, or the first query through it.
	failed *failure
	// pooled is whether a pooler is in between, told only if proof is set; see store.ThroughPooler.
	pooled bool
	proof  string
	// firstTook is the time of that first statement.
	firstTook time.Duration
	// standby is whether it leads to a server in recovery, which takes no write.
	standby bool
	// serverVersion is Postgres's, such as 150018.
	serverVersion int
	// samples are the times of all empty queries so far that had a server connection already, because no pooler is in
	// between or a transaction was open. A queue in the pooler is not in them.
	samples []time.Duration
	// acquired are the times of those that the pooler had to assign a server connection to first. Of one in either list
	// that had no answer it is queryTimeout.
	acquired []time.Duration
}

// pgClient is a connection to a pgServer, and what it has cost.
type pgClient struct {
	*pgServer
	config *pgx.ConnConfig
	conn   *pgx.Conn // nil if connecting failed
	meter  *link.Conn
	// dials counts the connections tried.
	dials int
	// spent are the turns of a connection that was lost and opened again.
	spent int64
	// sampled is whether sample has been made.
	sampled bool
	// begun is when the last transaction of this connection began, held for how long all of them have been open.
	begun time.Time
	held  time.Duration
}

// answered is pgServer.answered; nil is a server that is not configured.
func (s *pgClient) answered() bool { return s != nil && s.pgServer.answered() }

// newPG reads a URL. One that can't be read is the server's failure.
func newPG(ctx context.Context, name, url string) *pgClient {
	s := &pgClient{pgServer: &pgServer{endpoint: Endpoint{Name: name}}}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// pgx's own text quotes the URL.
		s.fail(ctx, "config", err)
		return s
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnectTimeout = connectTimeout
	s.config, s.host, s.tls = config, config.Host, trustOfPG(config)
	s.endpoint.Address = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	return s
}

// What hopelessTurns round trips, and hopelessLeast, have not brought back is not waited for where it is known otherwise
// that nothing comes back: a server connection that the pooler still had would have answered.
const (
	hopelessTurns = 10
	hopelessLeast = 1200 * time.Millisecond
)

// open connects and proves the pooler. failed says what went wrong. hopeless is closed once it is known otherwise that no
// statement will come back; nil never is.
func (s *pgClient) open(ctx context.Context, hopeless <-chan struct{}) {
	if s.failed == nil {
		s.connect(ctx)
	}
	if s.failed != nil {
		return
	}
	proving, cancel := context.WithCancel(ctx)
	defer cancel()
	began, e := time.Now(), s.endpoint
	go func() {
		select {
		case <-proving.Done():
		case <-hopeless:
			select {
			case <-proving.Done():
			case <-time.After(max(hopelessLeast, hopelessTurns*quickest(e)) - time.Since(began)):
				cancel()
			}
		}
	}()
	s.prove(ctx, proving)
}

func (s *pgClient) connect(ctx context.Context) {
	s.dials++
	conn, w, err := connectPG(ctx, s.config)
	s.endpoint.Phases, s.endpoint.TLS = w.phases(), w.tls()
	s.endpoint.sum()
	if w.attempts > 1 {
		s.endpoint.Notes = append(s.endpoint.Notes, fmt.Sprintf("%d attempts were made; the phases are from the last one", w.attempts))
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

// prove asks whether a pooler is in between. It is the first statement, so that a server that accepts a client and then
// never answers is told from one that is slow.
func (s *pgClient) prove(ctx, proving context.Context) {
	began := time.Now()
	err := bound(proving, queryTimeout, func(ctx context.Context) error {
		var pid uint32
		var version string
		if err := s.conn.QueryRow(ctx, "SELECT pg_backend_pid()::int8, current_setting('server_version_num'), pg_is_in_recovery()").Scan(&pid, &version, &s.standby); err != nil {
			return err
		}
		s.serverVersion, _ = strconv.Atoi(version) // 0 is "unknown"
		s.firstTook = time.Since(began)
		s.pooled, s.proof = store.ThroughPooler(s.config.Host, s.conn.PgConn().PID(), pid)
		return nil
	})
	if err != nil {
		s.fail(ctx, "", err)
	}
}

// sample takes the floor, of statements that have a server connection: a wait in the pooler is no distance. It has the
// connection for itself, and is not made where controlQuery has begun to take it, nor again where there was too little time.
func (s *pgClient) sample(ctx context.Context) {
	if !s.usable() || s.sampled || len(s.samples) > 0 {
		return
	}
	s.sampled = true
	times, unit := FloorSamples, s.empty
	if s.pooled {
		times, unit = FloorSamples/turnsOfTransaction, s.transaction
	}
	if _, err := measureFloor(ctx, times, unit); err != nil {
		s.afterLoss(ctx, err)
	}
}

// measureAgain adds what another moment gives to a floor that is known: the least of spaced samples is the distance, and a
// moment in which the network or the server was busy is not. What fails has failed before, or is late.
func (s *pgClient) measureAgain(ctx context.Context) {
	switch {
	case !s.usable() || s.floor <= 0:
	case s.pooled:
		_, _ = measureFloor(ctx, laterTransactions, s.transaction)
	default:
		_, _ = measureFloor(ctx, laterTransactions*turnsOfTransaction, s.empty)
	}
}

// laterTransactions is how often the floor is looked at again.
const laterTransactions = 3

// floorSamples is how many samples make a floor at least, if there is time for them.
func (s *pgClient) floorSamples() int {
	if s.pooled {
		return FloorSamples / turnsOfTransaction * (turnsOfTransaction - 1)
	}
	return FloorSamples
}

// settle makes the endpoint's figures of them, once all are taken.
func (s *pgClient) settle() {
	if s == nil || !s.sampled && len(s.samples) == 0 {
		return
	}
	s.endpoint.setFloor(s.samples, s.floorSamples(), s.acquired...)
	s.endpoint.judgeProxy(s.meter)
}

// afterLoss opens the connection again that an empty query without an answer has cost. A statement has come back by
// then: what stands still once is slow, and down is what can't be connected to any more. Where it is the probe that is
// over, what has been measured stands.
func (s *pgClient) afterLoss(ctx context.Context, err error) {
	switch f := explain(ctx, "", err); {
	case f.outOfTime():
		return
	case !f.cutOff():
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

// turnsOfTransaction is how many round trips transaction takes; all but the first have their server connection.
const turnsOfTransaction = 3

// transaction begins, asks for nothing and ends: the pooler assigns a server connection to BEGIN, and the two statements
// after it have that one.
func (s *pgClient) transaction(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return s.end(ctx)
}

func (s *pgClient) begin(ctx context.Context) error {
	s.begun = time.Now()
	return s.ask(ctx, "BEGIN READ ONLY", &s.acquired)
}

func (s *pgClient) end(ctx context.Context) error {
	if err := s.ask(ctx, "", &s.samples); err != nil {
		return err
	}
	s.held += time.Since(s.begun)
	return s.ask(ctx, "ROLLBACK", &s.samples)
}

// empty makes one round trip with an empty statement outside a transaction.
func (s *pgClient) empty(ctx context.Context) error {
	if s.pooled {
		return s.ask(ctx, "", &s.acquired)
	}
	return s.ask(ctx, "", &s.samples)
}

// ask makes one round trip with a statement that does next to nothing, and notes its time.
func (s *pgClient) ask(ctx context.Context, sql string, times *[]time.Duration) error {
	began := time.Now()
	err := bound(ctx, queryTimeout, func(ctx context.Context) error { return s.conn.PgConn().Exec(ctx, sql).Close() })
	switch took := time.Since(began); {
	case err == nil:
		*times = append(*times, took)
		if len(s.samples) >= leastSamples {
			s.floor = slices.Min(slices.Concat(s.samples, s.acquired))
		}
	case explain(ctx, "", err).cutOff():
		*times = append(*times, queryTimeout)
	}
	return err
}

func (s *pgClient) fail(ctx context.Context, phase string, err error) {
	s.failed = explain(ctx, phase, err)
	s.endpoint.Error = s.failed.Error()
}

func (s *pgClient) usable() bool {
	return s != nil && s.failed == nil && s.conn != nil && !s.conn.IsClosed()
}

// answered reports whether the server could be used; the connection may be closed by now.
func (s *pgServer) answered() bool { return s != nil && s.failed == nil }

// turns is what this connection has cost so far, connecting included.
func (s *pgClient) turns() int64 {
	if s == nil || s.meter == nil {
		return 0
	}
	return s.spent + s.meter.Turns() + 1 // TCP's own handshake is not seen by the meter
}

func (s *pgClient) close(ctx context.Context) {
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

// copied is what is known of the server now.
func (s *pgServer) copied() *pgServer {
	now := *s
	now.endpoint.Notes = slices.Clone(s.endpoint.Notes)
	return &now
}

// err is why the server can't be used, nil if it can.
func (s *pgServer) err() error {
	if s == nil || s.failed == nil {
		return nil
	}
	return s.failed
}
