package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/link"
)

const (
	// openTimeout bounds the first connection to a source: 7 turns at 110 ms are 0.8 s.
	openTimeout = 5 * time.Second
	// askTimeout bounds one answer of a source. It is less than a slice, so that one
	// that hangs costs the others no reading.
	askTimeout = 900 * time.Millisecond
	// closeTimeout bounds the good-bye to all sources together.
	closeTimeout = 2 * time.Second
)

// The sources of a sampler, as reports name them.
const (
	sourceServer   = "the server's pool, caches, CPU and memory (/metrics)"
	sourcePooler   = "the pooler's queue (SHOW POOLS)"
	sourceDatabase = "the database's statements (pg_stat_statements)"
	sourceRedis    = "Redis' own account (INFO)"
)

// SourceAt says where a source is. An empty URL is one that is not there; Why
// then completes the sentence "not seen, because ...".
type SourceAt struct{ URL, Why string }

// SamplerConfig says where the parts behind the target tell of themselves.
type SamplerConfig struct {
	Metrics    SourceAt // the server's page for Prometheus, of one pod
	Console    SourceAt // the pooler's admin console
	Statements SourceAt // the direct endpoint of the database
	Redis      SourceAt
	Database   string      // whose pools the console is asked for; "" = all
	Trust      *tls.Config // for the metrics page; nil = the system's

	patience time.Duration // for each connection and answer; 0 = openTimeout and askTimeout
}

// Unseen is something of the server's side that a report does not show, in whole
// or in some readings.
type Unseen struct {
	What    string `json:"what"`
	Because string `json:"because"`
	// Missed of Readings were without it; both are 0 where it was never asked.
	Missed   int `json:"missed,omitempty"`
	Readings int `json:"readings,omitempty"`
}

// String is the sentence.
func (u Unseen) String() string {
	if u.Readings == 0 {
		return fmt.Sprintf("Not seen: %s, because %s.", u.What, u.Because)
	}
	return fmt.Sprintf("Not seen: %s in %d of %d readings, because %s.", u.What, u.Missed, u.Readings, u.Because)
}

// Sampler reads what the parts behind the target say of themselves while a load
// test runs. One that refuses is told as not seen, and ends no run. It serves one
// phase at a time.
type Sampler struct {
	sources []*sampled
	unseen  []Unseen // those that could not be opened
	dials   link.Dials
	// openIn bounds a connection and askIn an answer.
	openIn, askIn time.Duration
}

// source is one thing that a Sampler asks, by one goroutine at a time.
type source interface {
	open(ctx context.Context) error
	usable() bool
	// read puts what it says into its own part of i.
	read(ctx context.Context, i *instant) error
	close(ctx context.Context) error
}

// sampled is a source with its name.
type sampled struct {
	source
	what string
}

// OpenSampler connects to what c names, at once. What can't be reached is not
// seen; that is no error. Close it.
func OpenSampler(ctx context.Context, c SamplerConfig) *Sampler {
	s := &Sampler{openIn: or(c.patience, openTimeout), askIn: or(c.patience, askTimeout)}
	type candidate struct {
		at   SourceAt
		what string
		make func(at string) source
	}
	candidates := []candidate{
		{c.Metrics, sourceServer, func(at string) source { return &metricsSource{at: at, trust: c.Trust, dials: &s.dials} }},
		{c.Console, sourcePooler, func(at string) source { return &poolerSource{at: at, database: c.Database, dials: &s.dials} }},
		{c.Statements, sourceDatabase, func(at string) source { return &statementSource{at: at, dials: &s.dials} }},
		{c.Redis, sourceRedis, func(at string) source { return &redisSource{at: at, dials: &s.dials} }},
	}
	opened, failed := make([]*sampled, len(candidates)), make([]error, len(candidates))
	var wg sync.WaitGroup
	for i, k := range candidates {
		if k.at.URL == "" {
			continue
		}
		opened[i] = &sampled{k.make(k.at.URL), k.what}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, s.openIn)
			defer cancel()
			if failed[i] = opened[i].open(ctx); failed[i] == nil {
				failed[i] = opened[i].read(ctx, &instant{}) // it has to answer, and not only to listen
			}
		})
	}
	wg.Wait()
	for i, k := range candidates {
		switch {
		case opened[i] == nil:
			s.unseen = append(s.unseen, Unseen{What: k.what, Because: or(k.at.Why, "nothing says where it is")})
		case failed[i] != nil:
			s.unseen = append(s.unseen, Unseen{What: k.what, Because: because(failed[i])})
			s.end(ctx, opened[i])
		default:
			s.sources = append(s.sources, opened[i])
		}
	}
	return s
}

// Close ends the connections.
func (s *Sampler) Close(ctx context.Context) {
	if s == nil {
		return
	}
	for _, k := range s.sources {
		s.end(ctx, k)
	}
	s.sources = nil
}

// end closes a source; nothing is lost with it.
func (s *Sampler) end(ctx context.Context, k *sampled) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = k.close(ctx)
}

// turns is what the sampler has cost so far, TCP handshakes included.
func (s *Sampler) turns() int64 { return s.dials.Total() + s.dials.Count() }

// read asks all sources at once. failed has an error for each that did not answer.
func (s *Sampler) read(ctx context.Context, i *instant) (failed []error) {
	failed = make([]error, len(s.sources))
	var wg sync.WaitGroup
	for n, k := range s.sources {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, s.askIn)
			defer cancel()
			if !k.usable() {
				if failed[n] = k.open(ctx); failed[n] != nil {
					return
				}
			}
			failed[n] = k.read(ctx, i)
		})
	}
	wg.Wait()
	return failed
}

// because is an error as the end of "not seen, because ...": one line, without
// the ports that would make of one reason many, and without a URL.
func because(err error) string {
	var (
		said     *pgconn.PgError
		reaching *url.Error
		waiting  net.Error
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &waiting) && waiting.Timeout():
		return "it did not answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it refuses connections"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the connection broke"
	case errors.As(err, &said):
		return "it said: " + oneLine(said.Message)
	case errors.As(err, &reaching):
		err = reaching.Err
	}
	const longest = 160
	text := []rune(oneLine(err.Error()))
	if len(text) > longest {
		text = append(text[:longest], '…')
	}
	return string(text)
}
