package collect

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// pgClient is a connection to a pgServer, and what it has cost.
type pgClient struct {
	*facts.PGServer
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
func (s *pgClient) answered() bool { return s != nil && s.PGServer.Answered() }

// newPG reads a URL. One that can't be read is the server's failure.
func newPG(ctx context.Context, name, url string) *pgClient {
	s := &pgClient{PGServer: &facts.PGServer{Endpoint: facts.Endpoint{Name: name}}}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// pgx's own text quotes the URL.
		s.fail(ctx, "config", err)
		return s
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnectTimeout = facts.ConnectTimeout
	s.config, s.Host, s.TLS = config, config.Host, check.TrustOfPG(config)
	s.Endpoint.Address = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
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
	if s.Failed == nil {
		s.connect(ctx)
	}
	if s.Failed != nil {
		return
	}
	proving, cancel := context.WithCancel(ctx)
	defer cancel()
	began, e := time.Now(), s.Endpoint
	go func() {
		select {
		case <-proving.Done():
		case <-hopeless:
			select {
			case <-proving.Done():
			case <-time.After(max(hopelessLeast, hopelessTurns*dial.Quickest(e)) - time.Since(began)):
				cancel()
			}
		}
	}()
	s.prove(ctx, proving)
}

func (s *pgClient) connect(ctx context.Context) {
	s.dials++
	conn, w, err := dial.ConnectPG(ctx, s.config)
	s.Endpoint.Phases, s.Endpoint.TLS = w.Phases(), w.TLS()
	s.Endpoint.Sum()
	if w.Attempts > 1 {
		s.Endpoint.Notes = append(s.Endpoint.Notes, fmt.Sprintf("%d attempts were made; the phases are from the last one", w.Attempts))
	}
	if err != nil {
		s.fail(ctx, w.Reached(), err)
		return
	}
	s.conn, s.meter, s.Remote = conn, w.Meter, dial.IPOf(w.Meter.RemoteAddr())
}

// prove asks whether a pooler is in between. It is the first statement, so that a server that accepts a client and then
// never answers is told from one that is slow.
func (s *pgClient) prove(ctx, proving context.Context) {
	began := time.Now()
	err := dial.Bound(proving, facts.QueryTimeout, func(ctx context.Context) error {
		var pid uint32
		var version string
		if err := s.conn.QueryRow(ctx, "SELECT pg_backend_pid()::int8, current_setting('server_version_num'), pg_is_in_recovery()").Scan(&pid, &version, &s.Standby); err != nil {
			return err
		}
		s.ServerVersion, _ = strconv.Atoi(version) // 0 is "unknown"
		s.FirstTook = time.Since(began)
		s.Pooled, s.Proof = store.ThroughPooler(s.config.Host, s.conn.PgConn().PID(), pid)
		return nil
	})
	if err != nil {
		s.fail(ctx, "", err)
	}
}

// sample takes the floor, of statements that have a server connection: a wait in the pooler is no distance. It has the
// connection for itself, and is not made where controlQuery has begun to take it, nor again where there was too little time.
func (s *pgClient) sample(ctx context.Context) {
	if !s.usable() || s.sampled || len(s.Samples) > 0 {
		return
	}
	s.sampled = true
	times, unit := facts.FloorSamples, s.empty
	if s.Pooled {
		times, unit = facts.FloorSamples/turnsOfTransaction, s.transaction
	}
	if _, err := dial.MeasureFloor(ctx, times, unit); err != nil {
		s.afterLoss(ctx, err)
	}
}

// measureAgain adds what another moment gives to a floor that is known: the least of spaced samples is the distance, and a
// moment in which the network or the server was busy is not. What fails has failed before, or is late.
func (s *pgClient) measureAgain(ctx context.Context) {
	switch {
	case !s.usable() || s.Floor <= 0:
	case s.Pooled:
		_, _ = dial.MeasureFloor(ctx, laterTransactions, s.transaction)
	default:
		_, _ = dial.MeasureFloor(ctx, laterTransactions*turnsOfTransaction, s.empty)
	}
}

// laterTransactions is how often the floor is looked at again.
const laterTransactions = 3

// floorSamples is how many samples make a floor at least, if there is time for them.
func (s *pgClient) floorSamples() int {
	if s.Pooled {
		return facts.FloorSamples / turnsOfTransaction * (turnsOfTransaction - 1)
	}
	return facts.FloorSamples
}

// settle makes the endpoint's figures of them, once all are taken.
func (s *pgClient) settle() {
	if s == nil || !s.sampled && len(s.Samples) == 0 {
		return
	}
	s.Endpoint.SetFloor(s.Samples, s.floorSamples(), s.Acquired...)
	s.Endpoint.JudgeProxy(s.meter)
}

// afterLoss opens the connection again that an empty query without an answer has cost. A statement has come back by
// then: what stands still once is slow, and down is what can't be connected to any more. Where it is the probe that is
// over, what has been measured stands.
func (s *pgClient) afterLoss(ctx context.Context, err error) {
	switch f := dial.Explain(ctx, "", err); {
	case f.OutOfTime():
		return
	case !f.CutOff():
		s.fail(ctx, "", err)
		return
	}
	s.dials, s.spent = s.dials+1, s.turns()
	conn, w, err := dial.ConnectPG(ctx, s.config)
	if err != nil {
		s.fail(ctx, w.Reached(), err)
		return
	}
	s.conn, s.meter = conn, w.Meter
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
	return s.ask(ctx, "BEGIN READ ONLY", &s.Acquired)
}

func (s *pgClient) end(ctx context.Context) error {
	if err := s.ask(ctx, "", &s.Samples); err != nil {
		return err
	}
	s.held += time.Since(s.begun)
	return s.ask(ctx, "ROLLBACK", &s.Samples)
}

// empty makes one round trip with an empty statement outside a transaction.
func (s *pgClient) empty(ctx context.Context) error {
	if s.Pooled {
		return s.ask(ctx, "", &s.Acquired)
	}
	return s.ask(ctx, "", &s.Samples)
}

// ask makes one round trip with a statement that does next to nothing, and notes its time.
func (s *pgClient) ask(ctx context.Context, sql string, times *[]time.Duration) error {
	began := time.Now()
	err := dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error { return s.conn.PgConn().Exec(ctx, sql).Close() })
	switch took := time.Since(began); {
	case err == nil:
		*times = append(*times, took)
		if len(s.Samples) >= facts.LeastSamples {
			s.Floor = slices.Min(slices.Concat(s.Samples, s.Acquired))
		}
	case dial.Explain(ctx, "", err).CutOff():
		*times = append(*times, facts.QueryTimeout)
	}
	return err
}

func (s *pgClient) fail(ctx context.Context, phase string, err error) {
	s.Failed = dial.Explain(ctx, phase, err)
	s.Endpoint.Error = s.Failed.Error()
}

func (s *pgClient) usable() bool {
	return s != nil && s.Failed == nil && s.conn != nil && !s.conn.IsClosed()
}

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
