package bench

import (
	"runtime"
	"strconv"
	"testing"
	"time"
)

// tallySample is one of a stream of samples that differ in all that a tally may keep: latencies over nine decades,
// routes, kinds with codes, states, turns, headers.
func tallySample(seq uint64) Sample {
	x := scatter(seq)
	s := Sample{
		Seq: seq, Shot: Shot{Route: [4]string{"task_board", "residence_list", "complete_task", "me"}[x%4], Path: "/api/" + strconv.FormatUint(x, 16)},
		Latency: time.Duration(1) << (x >> 8 % 37), Service: time.Duration(x >> 40), Lag: time.Duration(x >> 50),
		Reply: Reply{Status: 200, Turns: int(x % 300), CacheStatus: "token; hit; id=" + strconv.FormatUint(x, 16), ServerTiming: "db;dur=" + strconv.FormatUint(x, 10), Bytes: 20_000},
	}
	if x%50 == 0 {
		s.Kind = Kind("503").withCode("code_" + strconv.FormatUint(x, 16))
	}
	return s
}

// heapAfter is the live heap after n samples were taken in.
func heapAfter(t *tally, from, n uint64) uint64 {
	for seq := from; seq < n; seq++ {
		t.observe(time.Duration(seq)*time.Millisecond, tallySample(seq)) // due at 1,000/s
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	runtime.KeepAlive(t)
	return m.HeapAlloc
}

func memoryTally() *tally {
	t := newTally(Warm, 200*time.Millisecond, 5*time.Second)
	t.watched = newWatches([]Threshold{{Share: 0.5, Limit: time.Second}, {Route: "task_board", Share: 0.01, Limit: time.Second}, {Share: 0.01}})
	return t
}

// What is kept does not grow with the requests: ten times as many take no more than a few KB beside.
func TestMemoryDoesNotGrowWithTheRequests(t *testing.T) {
	kept := memoryTally()
	few := heapAfter(kept, 0, 20_000)
	many := heapAfter(kept, 20_000, 200_000)
	const limit = 256 << 10
	if many > few+limit {
		t.Errorf("180,000 requests more took %d bytes", many-few)
	}
	if kept.lag.Count() != 200_000 {
		t.Errorf("%d samples were taken in", kept.lag.Count())
	}
}

// BenchmarkMemory measures ten million requests: what a tally of them keeps, and what the whole process takes that sends
// them through all of a run. It fails above the 100 MB that are promised. Beside it what a server costs that stands still.
//
//	go test -run '^$' -bench Memory -benchtime 1x ./internal/bench
func BenchmarkMemory(b *testing.B) {
	for name, measure := range map[string]func(*testing.B){"tally": tallyAlone, "process": wholeProcess, "stall": stalledProcess} {
		b.Run(name, func(b *testing.B) {
			if b.N != 1 {
				b.Fatal("one round takes seconds: run it with -benchtime 1x, as make bench does")
			}
			measure(b)
		})
	}
}

// tallyAlone takes in ten million samples that were due at 1,000/s, which are near three hours.
func tallyAlone(b *testing.B) {
	const requests, promised = 10_000_000, 100 << 20
	before := liveHeap()
	after := heapAfter(memoryTally(), 0, requests)
	grown := max(0, float64(after)-float64(before))
	if grown > promised {
		b.Fatalf("%.1f MB for %d requests", grown/(1<<20), requests)
	}
	b.ReportMetric(grown/(1<<20), "MB-live")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/requests, "ns/request")
}
