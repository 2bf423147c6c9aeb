package bench

import (
	"runtime/metrics"
	"syscall"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// gcPauses is the runtime's histogram of stop-the-world pauses of the collector.
const gcPauses = "/sched/pauses/total/gc:seconds"

// usage is what this process has used so far.
type usage struct {
	at     time.Time
	cpu    time.Duration // user and system
	pauses []uint64
}

// selfUsage reads the process's own use of the machine.
func selfUsage() usage {
	u := usage{at: time.Now()}
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err == nil {
		u.cpu = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	s := []metrics.Sample{{Name: gcPauses}}
	metrics.Read(s)
	if s[0].Value.Kind() == metrics.KindFloat64Histogram {
		u.pauses = append(u.pauses, s[0].Value.Float64Histogram().Counts...)
	}
	return u
}

// since is the process's CPU in percent of one core from u until now, and an
// upper bound of the longest pause of the garbage collector in that time.
func (u usage) since() (cpuPct float64, longestPause time.Duration) {
	now := selfUsage()
	if wall := now.at.Sub(u.at); wall > 0 {
		cpuPct = 100 * float64(now.cpu-u.cpu) / float64(wall)
	}
	s := []metrics.Sample{{Name: gcPauses}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindFloat64Histogram {
		return cpuPct, 0
	}
	edges := s[0].Value.Float64Histogram().Buckets
	for i := range now.pauses {
		before := uint64(0)
		if i < len(u.pauses) {
			before = u.pauses[i]
		}
		if now.pauses[i] > before && i+1 < len(edges) {
			longestPause = time.Duration(min(edges[i+1], stats.Longest.Seconds()) * float64(time.Second))
		}
	}
	return cpuPct, longestPause
}
