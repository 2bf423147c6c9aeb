package cache

import "github.com/prometheus/client_golang/prometheus"

// Entry names one of the three caches in metrics and in Cache-Status.
type Entry string

// The three caches.
const (
	EntryToken        Entry = "token"
	EntryUser         Entry = "user"
	EntryResidenceIDs Entry = "residence_ids"
)

// Verdict is how a cache did in one request.
type Verdict string

// The verdicts. Bypass means that Redis could not be asked; Wrong that an
// entry was there and did not hold what the database says.
const (
	Hit    Verdict = "hit"
	Miss   Verdict = "miss"
	Wrong  Verdict = "wrong"
	Bypass Verdict = "bypass"
)

type metrics struct {
	reads     *prometheus.CounterVec
	errors    *prometheus.CounterVec
	skipped   prometheus.Counter
	announced *prometheus.CounterVec
}

func newMetrics() metrics {
	return metrics{
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "honeydue_cache_reads_total",
			Help: "Cache look-ups by cache and verdict (hit, miss, wrong, bypass).",
		}, []string{"cache", "verdict"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "honeydue_redis_errors_total",
			Help: "Redis calls that failed, by operation. The request went on without the cache.",
		}, []string{"operation"}),
		skipped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "honeydue_redis_skipped_total",
			Help: "Redis calls not made because the breaker was open.",
		}),
		announced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "honeydue_cache_invalidations_total",
			Help: "Announced changes (logout, user, access) by outcome: delivered, or owed because Redis did not answer.",
		}, []string{"change", "outcome"}),
	}
}

// collectors lists everything to register; users is a function so that the
// gauge asks at scrape time.
func (m metrics) collectors(users, owed func() float64) []prometheus.Collector {
	return []prometheus.Collector{
		m.reads, m.errors, m.skipped, m.announced,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "honeydue_cache_users",
			Help: "Users held in the memory of this pod.",
		}, users),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "honeydue_cache_invalidations_owed",
			Help: "Announcements that Redis has not confirmed yet.",
		}, owed),
	}
}

func (m metrics) read(e Entry, v Verdict) Verdict {
	m.reads.WithLabelValues(string(e), string(v)).Inc()
	return v
}
