package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/metrics"
	"syscall"
	"time"
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
			longestPause = time.Duration(min(edges[i+1], longest.Seconds()) * float64(time.Second))
		}
	}
	return cpuPct, longestPause
}

const (
	// canaryLength is how long the tool measures itself before a run.
	canaryLength = 1500 * time.Millisecond
	// canaryRate is the least rate of that, so that it has 300 samples.
	canaryRate = 200
)

// floor measures the tool itself: the p99 of an attack at the given rate, for so
// long, on a server in this process that answers at once. What a run measures can't be
// less, and what is not far above it says nothing about the target.
func floor(ctx context.Context, rate float64, over time.Duration) (p99 time.Duration, err error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("the canary found no free port: %w", err)
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		ReadHeaderTimeout: DefaultTimeout,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		closed := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		err = errors.Join(err, closed)
	}()

	h, err := NewHitter(HitterConfig{Base: &url.URL{Scheme: "http", Host: listener.Addr().String()}, Run: NewRunID()})
	if err != nil {
		return 0, err
	}
	defer h.Close()
	schedule, err := Constant(rate, over)
	if err != nil {
		return 0, err
	}
	latency := NewHistogram()
	h.Attack(ctx, Attack{
		Schedule: schedule,
		Shots:    func(uint64) Shot { return Shot{Route: "canary", Path: "/"} },
		Observe:  func(s Sample) { latency.Record(s.Latency) },
	})
	return latency.Quantile(0.99), nil
}
