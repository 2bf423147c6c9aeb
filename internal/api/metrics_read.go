package api

import (
	"fmt"
	"io"
	"math"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/honeydue/honeydue/internal/cache"
)

// Metrics is what a server's metrics page says of its state, with NaN for what is
// not there. What ends in the plural of an event counts since the server began.
type Metrics struct {
	Honeydue bool // the page is that of honeydue serve

	PoolIdle, PoolInUse, PoolMax float64 // connections to the database
	PoolAcquires, PoolWaited     float64 // borrowings; those that found no idle connection
	PoolQueued                   float64 // statements that PgBouncer has announced as waiting for a server connection
	PoolAcquireSeconds           float64 // that all borrowings took
	PoolTurns                    float64 // DB turns, those of the background included
	PoolIdleLimit                float64 // seconds of idleness after which the other side closes; 0 if it never did
	Caches                       []CacheReads
	Lists                        []ListReads // in the order of cache.Lists; none of a server that does not count them
	CacheUsers                   float64     // in the memory of the pod
	RedisErrors                  float64     // calls that failed, or were not made because the last ones had
	FillsRefused                 float64     // lists that were not stored, for what they show was being written
	Sweeps                       float64     // readings of the change log that this server has told the caches of
	Repairs                      float64     // writes that it found there and nobody had announced to the caches

	CPUSeconds, Cores       float64 // of the process; that it may use at once
	MemoryBytes, Goroutines float64
}

// CacheReads counts the look-ups of one cache.
type CacheReads struct {
	Cache       cache.Entry
	Asked, Hits float64
}

// ListReads counts the reads of one list by what became of them.
type ListReads struct {
	List     cache.List
	Outcomes map[cache.Outcome]float64
}

// Cache is the count of one cache: nothing, if the server has not asked it yet,
// and NaN if the page is not a honeydue server's.
func (m Metrics) Cache(name cache.Entry) CacheReads {
	for _, c := range m.Caches {
		if c.Cache == name {
			return c
		}
	}
	if !m.Honeydue {
		return CacheReads{name, math.NaN(), math.NaN()}
	}
	return CacheReads{Cache: name}
}

// ParseMetrics reads a page in Prometheus' text format, a honeydue server's or
// another's. The caller bounds its length.
func ParseMetrics(r io.Reader) (Metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return Metrics{}, fmt.Errorf("the page cannot be read as Prometheus' text format: %w", err)
	}
	return readMetrics(func(name string) *dto.MetricFamily { return families[name] }), nil
}

// metricPage gives a metric of a page by its name, or nil.
type metricPage func(name string) *dto.MetricFamily

func readMetrics(page metricPage) Metrics {
	m := Metrics{
		Honeydue: page(poolPrefix+poolAcquires) != nil,
		PoolIdle: page.sum(poolPrefix+poolConnections, "state", poolIdle), PoolInUse: page.sum(poolPrefix+poolConnections, "state", poolInUse),
		PoolMax: page.sum(poolPrefix + poolMax), PoolAcquires: page.sum(poolPrefix + poolAcquires), PoolWaited: page.sum(poolPrefix + poolWaited),
		PoolQueued:         page.sum(poolPrefix + poolQueued),
		PoolAcquireSeconds: page.sum(poolPrefix + poolAcquireSeconds), PoolTurns: page.sum(poolPrefix + poolTurns),
		PoolIdleLimit: page.sum(poolPrefix + poolIdleLimit),
		CacheUsers:    page.sum(cache.MetricUsers),
		RedisErrors:   page.sum(cache.MetricRedisSkipped),
		FillsRefused:  page.sum(cache.MetricRefused),
		Sweeps:        page.sum(cache.MetricSweeps, "outcome", cache.SweepDone), Repairs: page.sum(cache.MetricRepairs),
		CPUSeconds: page.sum("process_cpu_seconds_total"), Cores: page.sum("go_sched_gomaxprocs_threads"),
		MemoryBytes: page.sum("process_resident_memory_bytes"), Goroutines: page.sum("go_goroutines"),
	}
	// A counter with labels that has counted nothing yet is not on the page.
	if failed := page.sum(cache.MetricRedisErrors); !math.IsNaN(failed) {
		m.RedisErrors += failed
	}
	seen := map[string]int{}
	for _, one := range page(cache.MetricReads).GetMetric() {
		name := labelOf(one, "cache")
		i, known := seen[name]
		if !known {
			i = len(m.Caches)
			seen[name] = i
			m.Caches = append(m.Caches, CacheReads{Cache: cache.Entry(name)})
		}
		m.Caches[i].Asked += valueOf(one)
		if labelOf(one, "verdict") == string(cache.Hit) {
			m.Caches[i].Hits += valueOf(one)
		}
	}
	m.Lists = page.lists()
	return m
}

// lists reads what became of the reads of lists. What this build does not know is left out.
func (p metricPage) lists() []ListReads {
	var lists []ListReads
	of := map[string]map[cache.Outcome]float64{}
	for _, one := range p(cache.MetricLists).GetMetric() {
		list := labelOf(one, "list")
		if of[list] == nil {
			of[list] = map[cache.Outcome]float64{}
		}
		of[list][cache.Outcome(labelOf(one, "outcome"))] += valueOf(one)
	}
	for _, l := range cache.Lists() {
		if outcomes := of[string(l)]; outcomes != nil {
			lists = append(lists, ListReads{l, outcomes})
		}
	}
	return lists
}

// sum adds the values of a metric, of those that have a label of this name and
// value where one is given; NaN when the page does not have it.
func (p metricPage) sum(name string, label ...string) float64 {
	family := p(name)
	if family == nil {
		return math.NaN()
	}
	total := 0.0
	for _, one := range family.GetMetric() {
		if len(label) == 0 || labelOf(one, label[0]) == label[1] {
			total += valueOf(one)
		}
	}
	return total
}

// valueOf is the value of a counter, a gauge or an untyped metric: one of them is set, the others are zero.
func valueOf(m *dto.Metric) float64 {
	return m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
