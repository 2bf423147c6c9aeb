package probe

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/api"
)

// measure reads the metrics and the reads, and returns the first look at the metrics.
func (s *targetConversation) measure(ctx context.Context, metricsURL string) *TargetMetrics {
	if !s.usable() {
		return nil
	}
	before := s.scrape(ctx, metricsURL)
	s.read(ctx)
	return before
}

// measureAgain reads the metrics once more, not before that moment: the pods take turns with the sweeps, and other
// requests than the probe's are borrowing connections, too.
func (s *targetConversation) measureAgain(ctx context.Context, metricsURL string, before *TargetMetrics, from time.Time) {
	if before == nil {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(lastLook(ctx, from))):
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
func (s *targetConversation) scrape(ctx context.Context, raw string) *TargetMetrics {
	if raw == "" {
		return nil
	}
	u, err := bareURL(raw)
	if err != nil {
		s.metricsFailed = "The URL in --metrics-url is not valid."
		return nil
	}
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
		s.metricsFailed = fmt.Sprintf("The metrics at %s could not be read: %s.", u.Host, explain(ctx, "", err))
		return nil
	}
	if a.status != http.StatusOK {
		s.metricsFailed = fmt.Sprintf("%s returns %d for the metrics URL.", u.Host, a.status)
		return nil
	}
	m, err := api.ParseMetrics(bytes.NewReader(a.body))
	if err != nil || !m.Honeydue {
		s.metricsFailed = fmt.Sprintf("%s does not return the metrics of a honeydue server.", u.Host)
		return nil
	}
	return newTargetMetrics(u.Scheme+"://"+u.Host+path, m)
}

// newTargetMetrics takes from a scrape what the checks need.
func newTargetMetrics(from string, m api.Metrics) *TargetMetrics {
	count := func(v float64) int64 { // what is not on the page is none
		if math.IsNaN(v) {
			return 0
		}
		return int64(v)
	}
	t := &TargetMetrics{
		URL: from, Caches: []CacheMetrics{}, Lists: []ListMetrics{}, RedisErrors: count(m.RedisErrors), FillsRefused: count(m.FillsRefused),
		Sweeps: count(m.Sweeps), Repairs: count(m.Repairs),
	}
	t.Pool = PoolMetrics{
		Idle: count(m.PoolIdle), InUse: count(m.PoolInUse), Max: count(m.PoolMax),
		Acquires: count(m.PoolAcquires), Waited: count(m.PoolWaited), Queued: count(m.PoolQueued),
	}
	if m.PoolIdleLimit > 0 { // NaN where the server is older
		t.Pool.IdleLimitS = m.PoolIdleLimit
	}
	if t.Pool.Acquires > 0 && !math.IsNaN(m.PoolAcquireSeconds) {
		t.Pool.totalMS = 1000 * m.PoolAcquireSeconds
		t.Pool.MeanMS = mean(t.Pool.totalMS, t.Pool.Acquires)
	}
	for _, c := range m.Caches {
		t.Caches = append(t.Caches, CacheMetrics{Cache: string(c.Cache), Asked: count(c.Asked), Hits: count(c.Hits)})
	}
	for _, l := range m.Lists {
		list := ListMetrics{List: string(l.List), Outcomes: map[string]int64{}}
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

// since adds what has happened since an earlier scrape. A server that restarted in between counts anew: nothing is
// known of that time then.
func (m *TargetMetrics) since(before *TargetMetrics) *TargetMetrics {
	was, is := before.Pool, &m.Pool
	if is.Acquires < was.Acquires || is.Waited < was.Waited || is.Queued < was.Queued || m.RedisErrors < before.RedisErrors || m.Sweeps < before.Sweeps || m.Repairs < before.Repairs {
		return m
	}
	is.AcquiresDuring, is.WaitedDuring = is.Acquires-was.Acquires, is.Waited-was.Waited
	is.QueuedDuring = is.Queued - was.Queued
	is.MeanDuringMS = mean(is.totalMS-was.totalMS, is.AcquiresDuring)
	m.RedisErrorsDuring = m.RedisErrors - before.RedisErrors
	m.SweepsDuring, m.RepairsDuring = m.Sweeps-before.Sweeps, m.Repairs-before.Repairs
	return m
}
