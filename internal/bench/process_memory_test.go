package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answering answers every request at once, each in another way.
type answering struct{ seq atomic.Uint64 }

// RoundTrip implements http.RoundTripper.
func (i *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		trace.GotConn(httptrace.GotConnInfo{Reused: true})
	}
	seq := i.seq.Add(1)
	s := tallySample(seq)
	reply := &http.Response{StatusCode: s.Reply.Status, ProtoMajor: 1, ProtoMinor: 1, Request: r, Body: http.NoBody, Header: http.Header{
		"Cache-Status": {s.Reply.CacheStatus}, "Server-Timing": {s.Reply.ServerTiming}, "X-Db-Turns": {strconv.Itoa(s.Reply.Turns)},
	}}
	if seq%50 == 0 { // at even distances; the breaker is no part of this
		reply.StatusCode = http.StatusServiceUnavailable
		reply.Header.Set("Content-Type", "application/problem+json")
		reply.Body = io.NopCloser(strings.NewReader(`{"code":"code_` + strconv.FormatUint(scatter(seq), 16) + `"}`))
	}
	return reply, nil
}

// metricsPage is a server's page that counts on.
func metricsPage(tb testing.TB) string {
	tb.Helper()
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		for _, line := range []string{`honeydue_db_pool_connections{state="idle"}`, "honeydue_db_pool_acquires_total", `honeydue_cache_reads_total{cache="list",verdict="hit"}`, "process_cpu_seconds_total", "go_goroutines"} {
			_, _ = fmt.Fprintln(w, line, n)
		}
	}))
	tb.Cleanup(s.Close)
	return s.URL
}

// runWhole sends so many requests as a phase of a run does: by vegeta's Attacker, into tally, windows, timeline and thresholds,
// while the server's side is read. look is called before each is sent.
func runWhole(tb testing.TB, requests int, look func(seq uint64)) Phase {
	tb.Helper()
	const perSecond = 2_000_000 // more than there is to be had: they are sent one after the other
	all, err := Constant(perSecond, time.Duration(requests)*time.Second/perSecond)
	if err != nil {
		tb.Fatal(err)
	}
	h, err := NewHitter(HitterConfig{Base: parsed(tb, "http://127.0.0.1:1"), Run: NewRunID(), Transport: new(answering)})
	if err != nil {
		tb.Fatal(err)
	}
	sampler := OpenSampler(tb.Context(), SamplerConfig{Metrics: SourceAt{URL: metricsPage(tb)}})
	tb.Cleanup(func() { sampler.Close(context.WithoutCancel(tb.Context())) })
	plan := PhasePlan{Name: PhaseGet, State: AnyState, Schedule: all, Target: 200 * time.Millisecond, Thresholds: []Threshold{{Share: 0.5, Limit: time.Second}, {Share: 0.01}}}
	r := newRun(Config{Hitter: h, Plan: Plan{Phases: []PhasePlan{plan}}, Sampler: sampler, Progress: func(Progress) {}})
	phase, tripped := r.steady(tb.Context(), plan, func(seq uint64) Shot {
		look(seq)
		return Shot{Route: "board", Path: "/"}
	})
	if tripped || phase.Requests != requests {
		tb.Fatalf("%d of %d requests, tripped: %v", phase.Requests, requests, tripped)
	}
	return phase
}

// liveHeap is what is in use after a collection.
func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// All that a run keeps, workers and windows and the server's side too, is there after the first 100,000 requests.
func TestARunKeepsNothingOfARequest(t *testing.T) {
	const first, last = 100_000, 400_000
	var before, after int64
	runWhole(t, last+1, func(seq uint64) {
		switch seq {
		case first:
			before = liveHeap()
		case last:
			after = liveHeap()
		}
	})
	t.Logf("%.3f bytes kept of each request", float64(after-before)/(last-first))
	if after-before > last-first {
		t.Errorf("%d requests more took %d bytes, want less than one each", last-first, after-before)
	}
}

// wholeProcess measures ten million requests through all of a run.
func wholeProcess(b *testing.B) {
	const requests, promised = 10_000_000, 100
	resetPeak(b)
	var inUse uint64
	runWhole(b, requests, func(seq uint64) {
		if seq%1_000_000 == 999_999 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			inUse = m.HeapInuse
		}
	})
	peak := peakMB(b)
	b.ReportMetric(peak, "MB-peak-resident")
	b.ReportMetric(float64(inUse)/(1<<20), "MB-heap-in-use")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/requests, "ns/request")
	if peak > promised {
		b.Errorf("%.1f MB at the most, %d are promised", peak, promised)
	}
}

// stalledProcess measures a server that answers nobody for a second, at 2,000/s. The server is in the process too.
func stalledProcess(b *testing.B) {
	const rate = 2000
	resetPeak(b)
	idle := peakMB(b)
	var end time.Time
	began := time.Now()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if now := time.Since(began); now > time.Second && now < 2*time.Second {
			time.Sleep(2*time.Second - now)
		}
	}))
	defer s.Close()
	h, err := NewHitter(HitterConfig{Base: parsed(b, s.URL), Run: NewRunID()})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	all, err := Constant(rate, 4*time.Second)
	if err != nil {
		b.Fatal(err)
	}
	t, failed := memoryTally(), 0
	h.Attack(b.Context(), Attack{Schedule: all, Shots: func(uint64) Shot { return Shot{Path: "/"} }, Observe: func(s Sample) {
		t.observe(all.At(s.Seq), s)
		if s.Failed() {
			failed++
		}
		end = time.Now()
	}})
	b.ReportMetric(peakMB(b)-idle, "MB-more-resident")
	b.ReportMetric(float64(h.dialed.opened.Load()), "connections")
	b.ReportMetric(float64(failed), "failed")
	b.ReportMetric(end.Sub(began).Seconds(), "s")
}

// resetPeak has the kernel count the peak of resident memory anew (proc(5), clear_refs).
func resetPeak(b *testing.B) {
	b.Helper()
	runtime.GC()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
}

// peakMB is the most of this process that was in memory at once, in MB of 1,048,576 bytes.
func peakMB(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		b.Fatal("the kernel does not tell VmHWM")
	}
	kb, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}
