package api

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/honeydue/honeydue/internal/store"
)

type metrics struct {
	duration *prometheus.HistogramVec
	turns    *prometheus.HistogramVec
	problems *prometheus.CounterVec
	dbErrors *prometheus.CounterVec
	pool     *poolCollector
}

func newMetrics(db *store.DB) *metrics {
	return &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "honeydue_http_request_duration_seconds",
			Help: "Time from the request's arrival to the end of its reply.",
			// The bounds stand around the targets: 10 ms (warm), R+50, 1.35 R and 1.6 R for R = 110 ms, 200, 700 and 900 ms.
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .125, .15, .16, .176, .2, .3, .5, .7, .9, 1.5, 2.5, 5, 10},
		}, []string{"route", "method", "status"}),
		turns: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "honeydue_http_request_db_turns",
			Help:    "DB turns of the request's own statements.",
			Buckets: []float64{0, 1, 2, 3, 4, 8},
		}, []string{"route"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "honeydue_http_problems_total",
			Help: "Replies with a problem, by its code.",
		}, []string{"code"}),
		dbErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "honeydue_db_errors_total",
			Help: "Requests that failed because of the database, by SQLSTATE (none: no answer, or no connection) and by whether a write may have been committed anyway.",
		}, []string{"sqlstate", "outcome"}),
		pool: newPoolCollector(db),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.duration, m.turns, m.problems, m.dbErrors, m.pool}
}

func (m *metrics) observe(x *exchange, method string, status int) {
	route := "unmatched" // the path itself would let anyone make up series
	if x.route != nil {
		route = x.route.Path
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}, method) {
		method = "other"
	}
	m.duration.WithLabelValues(route, method, strconv.Itoa(status)).Observe(time.Since(x.began).Seconds())
	if x.route != nil {
		m.turns.WithLabelValues(route).Observe(float64(x.tally.Turns()))
	}
}

func (m *metrics) databaseError(sqlstate, outcome string) {
	m.dbErrors.WithLabelValues(sqlstate, outcome).Inc()
}

func (m *metrics) problem(code string) { m.problems.WithLabelValues(code).Inc() }

// The names of the pool's metrics that ParseMetrics reads too.
const (
	poolPrefix         = "honeydue_db_pool_"
	poolConnections    = "connections" // with the label state
	poolIdle           = "idle"
	poolInUse          = "in_use"
	poolMax            = "connections_max"
	poolAcquires       = "acquires_total"
	poolWaited         = "waited_total"
	poolQueued         = "queued_total"
	poolAcquireSeconds = "acquire_seconds_total"
	poolTurns          = "turns_total"
	poolIdleLimit      = "idle_limit_seconds"
)

// poolCollector reads the pool's own counters at scrape time.
type poolCollector struct {
	db                                      *store.DB
	conns, opened, closed, acquires, waited *prometheus.Desc
	acquireTime, max, dialTurns             *prometheus.Desc
	gaveUp, waitTime, retried, turns        *prometheus.Desc
	keptAlive, idleLimit, queued            *prometheus.Desc
}

func newPoolCollector(db *store.DB) *poolCollector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(poolPrefix+name, help, labels, nil)
	}
	return &poolCollector{
		db:          db,
		conns:       d(poolConnections, "Connections by state.", "state"),
		max:         d(poolMax, "Maximum number of connections that the pool opens."),
		opened:      d("opened_total", "Connections ever opened."),
		closed:      d("closed_total", "Connections closed, by reason; peer: the other end had closed an idle connection.", "reason"),
		keptAlive:   d("kept_alive_total", "Empty queries on idle connections, sent because the other end closes idle connections."),
		idleLimit:   d(poolIdleLimit, "Idle time in seconds after which the other end closes a connection, learned from its message; 0: no such message was received."),
		acquires:    d(poolAcquires, "Connections acquired."),
		waited:      d(poolWaited, "Acquires that found no idle connection."),
		acquireTime: d(poolAcquireSeconds, "Time that all acquires took."),
		gaveUp:      d("gave_up_total", "Acquires that ended without a connection: the caller or its deadline gave up."),
		waitTime:    d("wait_seconds_total", "Time of the acquires that found no idle connection."),
		retried:     d("retried_total", "Statements run a second time: their connection had broken, or the server had rolled them back."),
		queued:      d(poolQueued, "Statements that PgBouncer announced as waiting for a server connection (query_wait_notify, 1.25 and newer)."),
		dialTurns:   d("dial_turns_total", "DB turns of connecting, which are charged to no request."),
		turns:       d(poolTurns, "DB turns on all connections: requests, sweeps, background reads and connecting, TCP handshakes not included."),
	}
}

// Describe implements prometheus.Collector.
func (p *poolCollector) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.conns, p.max, p.opened, p.closed, p.acquires, p.waited, p.acquireTime, p.dialTurns, p.gaveUp, p.waitTime, p.retried, p.turns, p.keptAlive, p.idleLimit, p.queued} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (p *poolCollector) Collect(c chan<- prometheus.Metric) {
	s := p.db.Stat()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(p.conns, float64(s.Idle), poolIdle)
	gauge(p.conns, float64(s.InUse), poolInUse)
	gauge(p.max, float64(s.Max))
	count(p.opened, float64(s.Opened))
	count(p.closed, float64(s.ClosedOld), "age")
	count(p.closed, float64(s.ClosedIdle), "idle")
	count(p.closed, float64(s.EndedIdle), "peer")
	count(p.keptAlive, float64(s.KeptAlive))
	gauge(p.idleLimit, s.IdleLimit.Seconds())
	count(p.acquires, float64(s.Acquires))
	count(p.waited, float64(s.Waited))
	count(p.acquireTime, s.AcquireTime.Seconds())
	count(p.gaveUp, float64(s.GaveUp))
	count(p.waitTime, s.WaitTime.Seconds())
	count(p.retried, float64(s.Retried))
	count(p.queued, float64(s.Queued))
	count(p.dialTurns, float64(p.db.Dials().Turns()))
	count(p.turns, float64(p.db.Dials().Total()))
}
