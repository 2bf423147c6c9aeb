package check

import (
	"slices"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// pieces is work in pieces of a quarter of a millisecond, of which each so-manieth is followed by a pause.
func pieces(n, every int, pauseMS float64) (out []float64) {
	for i := range n {
		took := 0.25
		if every > 0 && i%every == every-1 {
			took += pauseMS
		}
		out = append(out, took)
	}
	return out
}

func TestPauses(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []float64
		want  facts.Pauses
	}{
		{"none", pieces(400, 0, 0), facts.Pauses{PieceMS: 0.25, Share: 1}},
		{"no work", nil, facts.Pauses{Share: 1}},
		{"a fifth of a CPU, in periods of 100 ms", pieces(400, 80, 80), facts.Pauses{PieceMS: 0.25, Count: 5, Share: 0.2, LongestMS: 80, WaitMS: 32}},
		{"one pause", pieces(400, 400, 300), facts.Pauses{PieceMS: 0.25, Count: 1, Share: 0.25, LongestMS: 300, WaitMS: 112.5}},
		{"a scheduler that gives 3 ms each to two", pieces(400, 12, 3), facts.Pauses{PieceMS: 0.25, Count: 33, Share: 0.503, LongestMS: 3, WaitMS: 0.746}},
		{"what varies by itself is no pause", pieces(400, 2, 1.5), facts.Pauses{PieceMS: 0.25, Share: 0.25}},
	} {
		got := facts.PausesOf(c.times)
		got.Share, got.WaitMS = facts.Round(got.Share), facts.Round(got.WaitMS)
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestStarvedServer needs the server's clock, the probe's own and the round trips to agree, at each moment.
func TestStarvedServer(t *testing.T) {
	fifth, free := pieces(400, 80, 80), pieces(400, 0, 0)
	slow := slices.Repeat([]float64{4}, 80)
	punctual := slices.Repeat([]time.Duration{time.Millisecond}, 20)
	late := slices.Concat(punctual, slices.Repeat([]time.Duration{81 * time.Millisecond}, 5))
	for _, c := range []struct {
		name    string
		moments []facts.WorkMoment
		trips   []time.Duration
		hits    int
		costMS  float64
		unknown bool
	}{
		{"it works", []facts.WorkMoment{{Server: free}}, punctual, 0, 0, false},
		{"it works, and round trips vary", []facts.WorkMoment{{Server: free, Own: free}}, late, 0, 0, false},
		{"it gets a fifth of a CPU", []facts.WorkMoment{{Server: fifth, Own: free}}, late, 1, 32, false},
		{"at both moments", []facts.WorkMoment{{Server: fifth, Own: free}, {Server: fifth, Own: free}}, late, 1, 32, false},
		{"at one of two moments", []facts.WorkMoment{{Server: fifth, Own: free}, {Server: free}}, late, 0, 0, false},
		{"nobody meets it", []facts.WorkMoment{{Server: fifth, Own: free}}, punctual, 0, 0, false},
		{"the probe's machine is short of CPU as well", []facts.WorkMoment{{Server: fifth, Own: fifth}}, late, 0, 0, true},
		{"one pause may be chance", []facts.WorkMoment{{Server: pieces(400, 400, 300), Own: free}}, late, 0, 0, false},
		{"it is as slow as ten", []facts.WorkMoment{{Server: slow}}, punctual, 1, 7.5, false},
		{"it is as slow as ten, and the probe's machine is not", []facts.WorkMoment{{Server: slow, Own: free}}, punctual, 1, 7.5, false},
		{"it is as slow as ten, and so is the probe's machine", []facts.WorkMoment{{Server: slow, Own: slow}}, punctual, 0, 0, true},
		{"nothing was timed", nil, late, 0, 0, true},
	} {
		s := &facts.PGServer{Samples: c.trips, Floor: time.Millisecond}
		o := &facts.Observation{Pooler: &facts.PGServer{Failed: &facts.Failure{}}, Direct: s, Hot: []facts.HotPath{{ExecutionMS: 8}}, Work: facts.ServerWork{Moments: c.moments}}
		got := cpuStarved(o)
		if len(got.Hits) != c.hits || got.Unknown != c.unknown {
			t.Errorf("%s: %+v", c.name, got)
			continue
		}
		if c.hits > 0 && got.Hits[0].CostMS != c.costMS {
			t.Errorf("%s: it costs %v ms, want %v", c.name, got.Hits[0].CostMS, c.costMS)
		}
	}
}
