package app

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Measure reads the metrics and the reads, and returns the first look at the metrics.
func (s *TargetConversation) Measure(ctx context.Context, metricsURL string) *facts.TargetMetrics {
	if !s.Usable() {
		return nil
	}
	before := s.scrape(ctx, metricsURL)
	s.read(ctx)
	return before
}

// MeasureAgain reads the metrics once more, not before that moment: the pods take turns with the sweeps, and other
// requests than the probe's are borrowing connections, too.
func (s *TargetConversation) MeasureAgain(ctx context.Context, metricsURL string, before *facts.TargetMetrics, from time.Time) {
	if before == nil {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(dial.LastLook(ctx, from))):
	}
	if after := s.scrape(ctx, metricsURL); after != nil {
		s.Said.Metrics = after.Since(before)
	}
}

// scrape reads /metrics once; nil if nobody named it or it can't be read.
func (s *TargetConversation) scrape(ctx context.Context, raw string) *facts.TargetMetrics {
	if raw == "" {
		return nil
	}
	u, err := facts.BareURL(raw)
	if err != nil {
		s.MetricsFailed = "The URL in --metrics-url is not valid."
		return nil
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/metrics"
	}
	path := u.Path
	u.Path = ""
	client := newTargetClient(u.String(), "", s.Client.transport.Proxy)
	defer client.hangUp()
	a, err := client.get(ctx, path, false)
	s.Client.Sent += client.Sent
	if err != nil {
		s.MetricsFailed = fmt.Sprintf("The metrics at %s could not be read: %s.", u.Host, dial.Explain(ctx, "", err))
		return nil
	}
	if a.Status != http.StatusOK {
		s.MetricsFailed = fmt.Sprintf("%s returns %d for the metrics URL.", u.Host, a.Status)
		return nil
	}
	m, err := api.ParseMetrics(bytes.NewReader(a.Body))
	if err != nil || !m.Honeydue {
		s.MetricsFailed = fmt.Sprintf("%s does not return the metrics of a honeydue server.", u.Host)
		return nil
	}
	return newTargetMetrics(u.Scheme+"://"+u.Host+path, m)
}

// newTargetMetrics takes from a scrape what the checks need.
func newTargetMetrics(from string, m api.Metrics) *facts.TargetMetrics {
	count := func(v float64) int64 { // what is not on the page is none
		if math.IsNaN(v) {
			return 0
		}
		return int64(v)
	}
	t := &facts.TargetMetrics{
		URL: from, Caches: []facts.CacheMetrics{}, Lists: []facts.ListMetrics{}, RedisErrors: count(m.RedisErrors), FillsRefused: count(m.FillsRefused),
		Sweeps: count(m.Sweeps), Repairs: count(m.Repairs),
	}
	t.Pool = facts.PoolMetrics{
		Idle: count(m.PoolIdle), InUse: count(m.PoolInUse), Max: count(m.PoolMax),
		Acquires: count(m.PoolAcquires), Waited: count(m.PoolWaited), Queued: count(m.PoolQueued),
	}
	if m.PoolIdleLimit > 0 { // NaN where the server is older
		t.Pool.IdleLimitS = m.PoolIdleLimit
	}
	if t.Pool.Acquires > 0 && !math.IsNaN(m.PoolAcquireSeconds) {
		t.Pool.TotalMS = 1000 * m.PoolAcquireSeconds
		t.Pool.MeanMS = facts.Mean(t.Pool.TotalMS, t.Pool.Acquires)
	}
	for _, c := range m.Caches {
		t.Caches = append(t.Caches, facts.CacheMetrics{Cache: string(c.Cache), Asked: count(c.Asked), Hits: count(c.Hits)})
	}
	for _, l := range m.Lists {
		list := facts.ListMetrics{List: string(l.List), Outcomes: map[string]int64{}}
		for o, n := range l.Outcomes {
			if n > 0 {
				list.Reads += count(n)
				list.Outcomes[string(o)] = count(n)
			}
		}
		t.Lists = append(t.Lists, list)
	}
	return t
}
