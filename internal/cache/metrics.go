package cache

import "github.com/prometheus/client_golang/prometheus"

// Entry names one of the caches in metrics and in Cache-Status.
type Entry string

// The caches: whose token it is (Redis), who that user is (memory of the pod),
// which residences he sees (Redis), and the lists (Redis).
const (
	EntryToken        Entry = "token"
	EntryUser         Entry = "user"
	EntryResidenceIDs Entry = "residence_ids"
	EntryList         Entry = "list"
)

// Verdict is how a cache did in one request.
type Verdict string

// The verdicts. Bypass means that the entry could not be used or asked for:
// Redis was not reachable, a write held it, no sweep had renewed the lease.
// Wrong means that the entry was there and is not what the database says.
const (
	Hit    Verdict = "hit"
	Miss   Verdict = "miss"
	Wrong  Verdict = "wrong"
	Bypass Verdict = "bypass"
)

// The metrics that others read as well: see api.ParseMetrics.
const (
	MetricReads        = "honeydue_cache_reads_total"   // with the labels cache and verdict
	MetricLists        = "honeydue_cache_lists_total"   // with the labels list and outcome
	MetricRedisErrors  = "honeydue_redis_errors_total"  //nolint:gosec // no credential: it is the underlines
	MetricRedisSkipped = "honeydue_redis_skipped_total" //nolint:gosec // as above
	MetricUsers        = "honeydue_cache_users"
	MetricRefused      = "honeydue_cache_fills_refused_total" // with the label why
	MetricRefreshed    = "honeydue_cache_refreshed_total"     // with the label outcome
	MetricSweeps       = "honeydue_cache_sweeps_total"        // with the label outcome
	MetricRepairs      = "honeydue_cache_repairs_total"
)

// SweepDone is the outcome of a sweep whose pod has told Redis of the writes that it read, and counted the repairs.
const SweepDone = "done"

// The other outcomes of a sweep: another pod was quicker; it failed; all counted as changed (beside done).
const (
	sweepOvertaken  = "overtaken"
	sweepFailed     = "failed"
	sweepEverything = "everything"
)

// The outcomes of filling a copy anew after a write.
const (
	refreshDone    = "done"
	refreshRefused = "refused"
)

type metrics struct {
	reads       *prometheus.CounterVec
	listReads   *prometheus.CounterVec
	lists       map[List]map[Outcome]prometheus.Counter // of listReads
	errors      *prometheus.CounterVec
	skipped     prometheus.Counter
	unconfirmed *prometheus.CounterVec
	refused     *prometheus.CounterVec
	refreshed   *prometheus.CounterVec
	sweeps      *prometheus.CounterVec
	repairs     prometheus.Counter
	settled     prometheus.Counter
	emptied     prometheus.Counter
}

func newMetrics() metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := metrics{
		reads:       vector(MetricReads, "Cache lookups by cache and verdict (hit, miss, wrong, bypass).", "cache", "verdict"),
		listReads:   vector(MetricLists, "List reads in the cached form, by list and outcome. Without the database: hit, remade (from a copy whose day had ended). Reasons to read the database: own_write, other_write, other_kind (the account, a token or access changed), aged (the day ended and the copy lacks cards), held (a write was in progress), expired, evicted, reset (Redis had another memory), cold (the user's first read), no_lease (no sweep), unreached (Redis not reachable).", "list", "outcome"),
		lists:       map[List]map[Outcome]prometheus.Counter{},
		errors:      vector(MetricRedisErrors, "Redis calls that failed, by operation and kind of fault. The request continued without the cache.", "operation", "kind"),
		skipped:     counter(MetricRedisSkipped, "Redis calls skipped because the circuit breaker was open."),
		unconfirmed: vector("honeydue_cache_unconfirmed_total", "Writes whose hold or release Redis did not confirm (hold, release), whose outcome is unknown (outcome), or whose hold was released although a read-only database could not resolve it (settle). Until a sweep or the keeper repairs this, at most 2 s later, other pods may serve the previous state.", "step"),
		refused:     vector(MetricRefused, "Lists that were not stored because a state changed or was held during the database read.", "why"),
		refreshed:   vector(MetricRefreshed, "Copies that were filled before a read needed them, by outcome. In the turn of the write that made them obsolete: done, refused (something else changed meanwhile). After it: background_done, background_joined (a read came first), background_dropped. After Redis was emptied: restored_done, restored_dropped.", "outcome"),
		sweeps:      vector(MetricSweeps, "Sweeps of the change log by this pod, by outcome (done, overtaken, failed; everything: all lists count as changed).", "outcome"),
		repairs:     counter(MetricRepairs, "Writes found in the change log that nobody had announced to Redis: SQL from outside, or a writer that crashed or was cut off. Until then reads may have been stale, for at most 2 s."),
		settled:     counter("honeydue_cache_holds_settled_total", "Holds that outlived their writer and were resolved through the database."),
		emptied:     counter("honeydue_cache_emptied_total", "Times that Redis turned out to have a different memory, so that its content was discarded."),
	}
	// A count that is not there reads like one that is not kept.
	for _, l := range Lists() {
		m.lists[l] = map[Outcome]prometheus.Counter{}
		for _, o := range Outcomes() {
			m.lists[l][o] = m.listReads.WithLabelValues(string(l), string(o))
		}
	}
	for _, why := range []string{"epoch", "held", "moved", "clock"} { // of fill.lua
		m.refused.WithLabelValues(why)
	}
	for _, outcome := range []string{refreshDone, refreshRefused} {
		m.refreshed.WithLabelValues(outcome)
	}
	for _, outcome := range []Refill{RefillDone, RefillJoined, RefillDropped, RestoredDone, RestoredDropped} {
		m.refreshed.WithLabelValues(string(outcome))
	}
	for _, outcome := range []string{SweepDone, sweepOvertaken, sweepFailed, sweepEverything} {
		m.sweeps.WithLabelValues(outcome)
	}
	return m
}

// collectors lists everything to register; users and bodies are functions so
// that the gauges ask at scrape time.
func (m metrics) collectors(users, bodies func() float64) []prometheus.Collector {
	return []prometheus.Collector{
		m.reads, m.listReads, m.errors, m.skipped, m.unconfirmed, m.refused, m.refreshed, m.sweeps, m.repairs, m.settled, m.emptied,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: MetricUsers,
			Help: "Users held in the memory of this pod.",
		}, users),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "honeydue_cache_near_bytes",
			Help: "Bytes of compressed lists in the memory of this pod.",
		}, bodies),
	}
}

func (m metrics) read(e Entry, v Verdict) Verdict {
	m.reads.WithLabelValues(string(e), string(v)).Inc()
	return v
}
