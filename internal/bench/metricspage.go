package bench

import (
	"context"
	"fmt"
	"io"
	"net"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/honeydue/honeydue/internal/cache"
)

// serverPage is what a server's metrics page says, NaN where it says nothing.
type serverPage struct {
	honeydue bool // the page is that of honeydue serve

	acquires, waited, acquireSeconds float64 // counters of the pool
	inUse, idle, most                float64 // its connections
	hits, lookups                    float64 // counters of the lists' cache
	cpuSeconds                       float64
	cores                            float64 // that the process may use at once
	memory, goroutines               float64
}

// readMetrics reads a page in Prometheus' text format.
func readMetrics(r io.Reader) (serverPage, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return serverPage{}, fmt.Errorf("its page cannot be read as Prometheus' text format: %w", err)
	}
	p := metricFamilies(families)
	_, ours := p["honeydue_db_pool_connections"]
	page := serverPage{
		honeydue: ours,
		acquires: p.sum("honeydue_db_pool_acquires_total"), waited: p.sum("honeydue_db_pool_waited_total"),
		acquireSeconds: p.sum("honeydue_db_pool_acquire_seconds_total"),
		inUse:          p.sum("honeydue_db_pool_connections", "state", "in_use"), idle: p.sum("honeydue_db_pool_connections", "state", "idle"),
		most: p.sum("honeydue_db_pool_connections_max"),
		hits: nan(), lookups: nan(),
		cpuSeconds: p.sum("process_cpu_seconds_total"), cores: p.sum("go_sched_gomaxprocs_threads"),
		memory: p.sum("process_resident_memory_bytes"), goroutines: p.sum("go_goroutines"),
	}
	if ours {
		// A counter that has counted nothing yet is not on the page.
		page.hits = p.orNone("honeydue_cache_reads_total", "cache", string(cache.EntryList), "verdict", "hit")
		page.lookups = p.orNone("honeydue_cache_reads_total", "cache", string(cache.EntryList))
	}
	return page, nil
}

type metricFamilies map[string]*dto.MetricFamily

// sum adds the values of a metric whose labels have these names and values; NaN
// when the page does not have it.
func (p metricFamilies) sum(name string, labels ...string) float64 {
	family, ok := p[name]
	if !ok {
		return nan()
	}
	total := 0.0
	for _, m := range family.GetMetric() {
		if !hasLabels(m, labels) {
			continue
		}
		// One of them is set; the others are zero.
		total += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
	}
	return total
}

// orNone is sum, with 0 for a metric that is not there.
func (p metricFamilies) orNone(name string, labels ...string) float64 {
	if _, ok := p[name]; !ok {
		return 0
	}
	return p.sum(name, labels...)
}

func hasLabels(m *dto.Metric, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		found := false
		for _, l := range m.GetLabel() {
			found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}
		if !found {
			return false
		}
	}
	return true
}

func dialDirectly(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}
