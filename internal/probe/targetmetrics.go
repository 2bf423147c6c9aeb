package probe

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// measure reads the metrics, the reads, and the metrics once more.
func (s *targetServer) measure(ctx context.Context, metricsURL string) {
	if !s.usable() {
		return
	}
	before := s.scrape(ctx, metricsURL)
	s.read(ctx)
	if before == nil {
		return
	}
	if after := s.scrape(ctx, metricsURL); after != nil {
		s.said.Metrics = after.since(before)
	}
}

// metricsMissing says why there are no metrics.
func (o *observation) metricsMissing() string {
	if why := o.missing(upTarget); why != "" {
		return why
	}
	return orElse(o.targetServer.metricsFailed, "No --metrics-url was given.")
}

// scrape reads /metrics once; nil if nobody named it or it can't be read.
func (s *targetServer) scrape(ctx context.Context, raw string) *TargetMetrics {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		s.metricsFailed = "The URL of the metrics can't be read."
		return nil
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/metrics"
	}
	path := u.Path
	u.Path = ""
	client := newTargetClient(u.String(), "", s.client.transport.Proxy)
	defer client.hangUp()
	a, err := client.get(ctx, path, false)
	s.client.sent += client.sent
	if err != nil {
		s.metricsFailed = fmt.Sprintf("The metrics at %s can't be read: %s.", u.Host, explain(ctx, "", err))
		return nil
	}
	if a.status != http.StatusOK {
		s.metricsFailed = fmt.Sprintf("%s answers %d where the metrics should be.", u.Host, a.status)
		return nil
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(a.body))
	if err != nil || families["honeydue_db_pool_acquires_total"] == nil {
		s.metricsFailed = fmt.Sprintf("What %s shows are not the metrics of a honeydue server.", u.Host)
		return nil
	}
	return readMetrics(u.Scheme+"://"+u.Host+path, families)
}

// readMetrics takes from a scrape what the checks need.
func readMetrics(from string, families map[string]*dto.MetricFamily) *TargetMetrics {
	sum := func(name string, labels ...string) float64 {
		total := 0.0
		for _, m := range families[name].GetMetric() {
			if labelled(m, labels) {
				total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
		return total
	}
	const pool = "honeydue_db_pool_"
	m := &TargetMetrics{URL: from, Caches: []CacheMetrics{}}
	m.Pool = PoolMetrics{
		Idle: int64(sum(pool+"connections", "state", "idle")), InUse: int64(sum(pool+"connections", "state", "in_use")),
		Max: int64(sum(pool + "connections_max")), Acquires: int64(sum(pool + "acquires_total")), Waited: int64(sum(pool + "waited_total")),
	}
	m.Pool.MeanMS = mean(1000*sum(pool+"acquire_seconds_total"), m.Pool.Acquires)
	m.RedisErrors = int64(sum("honeydue_redis_errors_total") + sum("honeydue_redis_skipped_total"))
	const reads = "honeydue_cache_reads_total"
	for _, one := range families[reads].GetMetric() {
		for _, l := range one.GetLabel() {
			name := l.GetValue()
			known := slices.ContainsFunc(m.Caches, func(c CacheMetrics) bool { return c.Cache == name })
			if l.GetName() != "cache" || known {
				continue
			}
			m.Caches = append(m.Caches, CacheMetrics{
				Cache: name, Asked: int64(sum(reads, "cache", name)), Hits: int64(sum(reads, "cache", name, "verdict", "hit")),
			})
		}
	}
	return m
}

// labelled reports whether a series has all of the labels: name, value, name, value.
func labelled(m *dto.Metric, labels []string) bool {
	for i := 0; i < len(labels); i += 2 {
		if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool {
			return l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}) {
			return false
		}
	}
	return true
}

// since adds what has happened since an earlier scrape. A server that restarted in between counts anew: nothing is
// known of that time then.
func (m *TargetMetrics) since(before *TargetMetrics) *TargetMetrics {
	was, is := before.Pool, &m.Pool
	if is.Acquires < was.Acquires || is.Waited < was.Waited || m.RedisErrors < before.RedisErrors {
		return m
	}
	is.AcquiresDuring, is.WaitedDuring = is.Acquires-was.Acquires, is.Waited-was.Waited
	is.MeanDuringMS = mean(is.MeanMS*float64(is.Acquires)-was.MeanMS*float64(was.Acquires), is.AcquiresDuring)
	m.RedisErrorsDuring = m.RedisErrors - before.RedisErrors
	return m
}

func mean(total float64, n int64) float64 {
	if n == 0 {
		return 0
	}
	return round(max(0, total/float64(n)))
}
