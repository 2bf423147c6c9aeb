package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// maxMetricsPage bounds what is read of a page: ten times that of a busy server.
const maxMetricsPage = 4 << 20

// metricsSource is a page for Prometheus.
type metricsSource struct {
	at     string
	trust  *tls.Config
	dials  *link.Dials
	client *http.Client
}

// ParseMetricsURL reads the address of a metrics page: http or https, with a host.
// The error never holds the address, which may carry a password.
func ParseMetricsURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("it is not an http or https URL with a host")
	}
	return u, nil
}

func (m *metricsSource) open(context.Context) error {
	if _, err := ParseMetricsURL(m.at); err != nil {
		return err
	}
	m.client = &http.Client{
		Transport: &http.Transport{
			DialContext:     m.dials.Wrap(dialDirectly),
			TLSClientConfig: m.trust, MaxConnsPerHost: 1, DisableCompression: true,
		},
		CheckRedirect: stay,
	}
	return nil
}

func (m *metricsSource) usable() bool { return m.client != nil } // it dials again by itself

func (m *metricsSource) read(ctx context.Context, i *instant) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.at, http.NoBody)
	if err != nil {
		return errors.New("its URL cannot be asked")
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	reply, err := m.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered with status %d", reply.StatusCode)
	}
	page, err := readMetrics(io.LimitReader(reply.Body, maxMetricsPage))
	if err != nil {
		return err
	}
	i.server = &page
	return nil
}

func (m *metricsSource) close(context.Context) error {
	if m.client != nil {
		m.client.CloseIdleConnections()
	}
	return nil
}

// poolerSource is the pooler's admin console.
type poolerSource struct {
	at, database string
	dials        *link.Dials
	console      *store.Console
}

func (p *poolerSource) open(ctx context.Context) (err error) {
	p.console, err = store.OpenConsole(ctx, p.at, p.database, p.dials)
	return err
}

func (p *poolerSource) usable() bool { return p.console.Usable() }

func (p *poolerSource) read(ctx context.Context, i *instant) error {
	pools, err := p.console.Pools(ctx)
	if err == nil {
		i.pools = &pools
	}
	return err
}

func (p *poolerSource) close(ctx context.Context) error { return p.console.Close(ctx) }

// statementSource is pg_stat_statements of the database.
type statementSource struct {
	at    string
	dials *link.Dials
	stats *store.StatementStats
}

func (s *statementSource) open(ctx context.Context) (err error) {
	s.stats, err = store.OpenStatementStats(ctx, s.at, s.dials)
	return err
}

func (s *statementSource) usable() bool { return s.stats.Usable() }

func (s *statementSource) read(ctx context.Context, i *instant) error {
	totals, err := s.stats.Totals(ctx)
	if err == nil {
		i.statements = &totals
	}
	return err
}

func (s *statementSource) close(ctx context.Context) error { return s.stats.Close(ctx) }

// redisSource is INFO of Redis.
type redisSource struct {
	at    string
	dials *link.Dials
	info  *cache.InfoReader
}

func (r *redisSource) open(context.Context) (err error) {
	r.info, err = cache.OpenInfo(r.at, askTimeout, r.dials)
	return err
}

func (r *redisSource) usable() bool { return r.info != nil } // it dials again by itself

func (r *redisSource) read(ctx context.Context, i *instant) error {
	values, err := r.info.Read(ctx)
	if err != nil {
		return err
	}
	number := func(name string) float64 {
		n, err := strconv.ParseFloat(values[name], 64)
		if err != nil {
			return nan() // a Redis of another kind does not tell it
		}
		return n
	}
	i.redis = &redisAccount{
		hits: number("keyspace_hits"), misses: number("keyspace_misses"), evicted: number("evicted_keys"),
		memory: number("used_memory"), clients: number("connected_clients"),
	}
	return nil
}

func (r *redisSource) close(context.Context) error {
	if r.info == nil {
		return nil
	}
	return r.info.Close()
}
