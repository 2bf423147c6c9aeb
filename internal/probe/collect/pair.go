package collect

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// pair is two clients of the app's endpoint, for what one alone cannot show: whose answer comes to whom,
// and what a connection that was idle pays.
type pair struct {
	a, b   *pairClient
	more   []*pairClient // those of forget
	config *pgx.ConnConfig
	failed *facts.Failure
	// token makes the pair's SQL and names different from everyone else's.
	token string
	// owed are names that may still be prepared on a server connection.
	owed []string
	// held is for how long the pair has held server connections in transactions that executed nothing.
	held time.Duration
}

func (p *pair) heldFor() time.Duration {
	if p == nil {
		return 0
	}
	return p.held
}

type pairClient struct {
	conn  *pgx.Conn
	w     *dial.PGWaterfall
	dials int
	// phases are those of connecting: the waterfall's socket is used again later.
	phases []facts.Phase
}

// openPair connects both clients at once.
func openPair(ctx context.Context, config *pgx.ConnConfig) *pair {
	p := &pair{token: rand.Text(), a: &pairClient{}, b: &pairClient{}}
	config = config.Copy()
	config.ConnectTimeout = facts.ConnectTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	p.config = config
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, c := range []*pairClient{p.a, p.b} {
		wg.Go(func() {
			c.dials++
			c.conn, c.w, errs[i] = dial.ConnectPG(ctx, config)
			c.phases = c.w.Phases()
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil && p.failed == nil {
			p.failed = dial.Explain(ctx, []*pairClient{p.a, p.b}[i].w.Reached(), err)
		}
	}
	return p
}

func (p *pair) usable() bool {
	return p != nil && p.failed == nil && !p.a.conn.IsClosed() && !p.b.conn.IsClosed()
}

// statements is how many round trips the pair has made since its clients were connected.
func (p *pair) statements() (turns int64) {
	if p == nil {
		return 0
	}
	for _, c := range p.clients() {
		turns += c.w.Turns()
		for _, phase := range c.phases {
			turns -= phase.Turns
		}
	}
	return turns
}

// clients are all that the pair has, connected or not.
func (p *pair) clients() []*pairClient { return append([]*pairClient{p.a, p.b}, p.more...) }

// bill is what the pair has cost: connections and turns.
func (p *pair) bill() (dials int, turns int64) {
	if p == nil {
		return 0, 0
	}
	for _, c := range p.clients() {
		dials += c.dials
		turns += c.w.Turns()
	}
	return dials, turns
}

func (p *pair) close(ctx context.Context) {
	if p == nil {
		return
	}
	for _, c := range p.clients() {
		if c.conn != nil {
			_ = dial.Bound(ctx, facts.QueryTimeout, c.conn.Close) // nothing is lost with it
		}
	}
}
