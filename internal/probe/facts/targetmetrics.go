package facts

import "cmp"

// metricsMissing says why there are no metrics.
func (o *Observation) metricsMissing() string {
	if why := o.Missing(UpTarget); why != "" {
		return why
	}
	return cmp.Or(o.TargetServer.MetricsFailed, "No --metrics-url was given.")
}

// Since adds what has happened since an earlier scrape. A server that restarted in between counts anew: nothing is
// known of that time then.
func (m *TargetMetrics) Since(before *TargetMetrics) *TargetMetrics {
	was, is := before.Pool, &m.Pool
	if is.Acquires < was.Acquires || is.Waited < was.Waited || is.Queued < was.Queued || m.RedisErrors < before.RedisErrors || m.Sweeps < before.Sweeps || m.Repairs < before.Repairs {
		return m
	}
	is.AcquiresDuring, is.WaitedDuring = is.Acquires-was.Acquires, is.Waited-was.Waited
	is.QueuedDuring = is.Queued - was.Queued
	is.MeanDuringMS = Mean(is.TotalMS-was.TotalMS, is.AcquiresDuring)
	m.RedisErrorsDuring = m.RedisErrors - before.RedisErrors
	m.SweepsDuring, m.RepairsDuring = m.Sweeps-before.Sweeps, m.Repairs-before.Repairs
	return m
}
