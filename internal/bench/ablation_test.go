package bench

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/report"
)

// samplesOf deals the values of each measure out to four starts.
func samplesOf(values map[Measure][]float64) *Samples {
	s := NewSamples()
	for m, v := range values {
		for s.start = range 4 {
			for i := s.start; i < len(v); i += 4 {
				s.Add(m, v[i])
			}
		}
	}
	return s
}

// TestMedianRanks: P(the interval misses the median) is at most 5%, and one rank less would be more.
func TestMedianRanks(t *testing.T) {
	for n := 1; n <= 400; n++ {
		lo, hi := medianRanks(n)
		if lo < 1 || hi > n || lo+hi != n+1 {
			t.Fatalf("n = %d: ranks %d and %d", n, lo, hi)
		}
		miss := func(lo int) float64 { return 2 * stats.BinomialCDF(lo-1, n, 0.5) }
		if n >= 6 && miss(lo) > stats.Risk {
			t.Errorf("n = %d: [%d, %d] misses the median in %.3f", n, lo, hi, miss(lo))
		}
		if n >= 6 && lo < n/2 && miss(lo+1) <= stats.Risk {
			t.Errorf("n = %d: [%d, %d] is wider than it has to be", n, lo, hi)
		}
		if n < 6 && lo != 1 {
			t.Errorf("n = %d: no interval is sure, and the range is [%d, %d]", n, lo, hi)
		}
	}
}

func TestShareOf(t *testing.T) {
	// Wilson's interval of 8 in 10 and of 0 in 10.
	for _, c := range []struct {
		hits, n         int
		mean, low, high float64
	}{{8, 10, 80, 49.02, 94.33}, {0, 10, 0, 0, 27.75}, {10, 10, 100, 72.25, 100}} {
		v := make([]float64, c.n)
		for i := range c.hits {
			v[i] = 100
		}
		mean, low, high := shareOf(v)
		for _, d := range []float64{mean - c.mean, low - c.low, high - c.high} {
			if math.Abs(d) > 0.01 {
				t.Errorf("%d of %d: %.2f [%.2f, %.2f], want %.2f [%.2f, %.2f]", c.hits, c.n, mean, low, high, c.mean, c.low, c.high)
				break
			}
		}
	}
}

// TestAblateClaimsNoMoreThanItSaw: intervals that touch, a change below the least effect and too few starts are no
// difference; a turn is.
func TestAblateClaimsNoMoreThanItSaw(t *testing.T) {
	for _, c := range []struct {
		name       string
		m          Measure
		old, tuned []float64
		seen       bool
	}{
		{"a turn", ColdTurns, []float64{2}, []float64{1}, true},
		{"the same turns", ColdTurns, []float64{1, 1}, []float64{1}, false},
		{"three times each", FirstMS, []float64{900, 910, 920}, []float64{110, 111, 112}, false},
		{"four times each", FirstMS, []float64{900, 910, 920, 930}, []float64{110, 111, 112, 113}, true},
		{"it is worse", FirstMS, []float64{110, 111, 112, 113}, []float64{900, 910, 920, 930}, true},
		{"ranges that touch", FirstMS, []float64{110, 111, 112, 200}, []float64{200, 300, 400, 500}, false},
		{"a share", OpeningAsks, append(make([]float64, 21), 100, 100, 100, 100, 100, 100, 100, 100, 100), make([]float64, 30), true},
		{"less than 5%", FirstMS, []float64{104, 104, 104, 104}, []float64{100, 100, 100, 100}, false},
	} {
		got := Ablate(samplesOf(map[Measure][]float64{c.m: c.old}), samplesOf(map[Measure][]float64{c.m: c.tuned}), c.m)
		if len(got) != 1 || got[0].Seen != c.seen {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	// Thirty of each side after one start share its luck, and so do the slowest of them, a share and a heap.
	for _, m := range []Measure{ColdMS, WarmP99MS, OpeningAsks, FloodHeapMB} {
		old, tuned := NewSamples(), NewSamples()
		for range 30 {
			old.Add(m.source(), 100)
			tuned.Add(m.source(), 0)
		}
		a := Ablation{}
		got := Ablate(old, tuned, m)[0]
		if says := a.buys(got).Text; got.Seen || got.Tuned.Starts != 1 || says != "too few starts to say" {
			t.Errorf("%s after one start: %+v, %q", m, got, says)
		}
	}
	// Eight of each side, in four starts; two of the old ones met a slow minute.
	old, tuned := NewSamples(), NewSamples()
	for start, luck := range []float64{0, 40, 0, 40} {
		old.start, tuned.start = start, start
		for range 8 {
			old.Add(ColdMS, 121+luck)
			tuned.Add(ColdMS, 110)
		}
	}
	if got := Ablate(old, tuned, ColdMS); !got[0].Seen {
		t.Errorf("starts that lie apart: %+v", got)
	}
	tuned.start = 4
	tuned.Add(ColdMS, 130)
	if got := Ablate(old, tuned, ColdMS); got[0].Seen {
		t.Errorf("a start of the tuned server that lies among the others': %+v", got)
	}
	if got := Ablate(NewSamples(), samplesOf(map[Measure][]float64{ColdMS: {1}}), ColdMS); len(got) != 0 {
		t.Errorf("a figure of nothing: %+v", got)
	}
}

// TestThePercentileOfAStart: a difference of p99s is claimed from the p99s of the starts, not from their medians.
func TestThePercentileOfAStart(t *testing.T) {
	old, tuned := NewSamples(), NewSamples()
	for start, tail := range []float64{300, 310, 320, 250} {
		old.start, tuned.start = start, start
		for i := range 100 {
			slow := i >= 98 // the nearest rank of the p99 is the 99th
			old.Add(WarmMS, map[bool]float64{false: 10, true: tail}[slow])
			tuned.Add(WarmMS, map[bool]float64{false: 1, true: map[int]float64{3: 260}[start] + 2}[slow])
		}
	}
	if got := old.byStart(WarmP99MS); !slices.Equal(got, []float64{300, 310, 320, 250}) {
		t.Errorf("the p99s of the starts: %v", got)
	}
	if got := Ablate(old, tuned, WarmMS, WarmP99MS); !got[0].Seen || got[1].Seen {
		t.Errorf("medians that lie apart, p99s of which one start's does not: %+v", got)
	}
}

// TestAFailureIsNoFastAnswer: it counts as the time-out, and has no turns.
func TestAFailureIsNoFastAnswer(t *testing.T) {
	s := NewSamples()
	s.answer(ColdMS, ColdTurns, Sample{Kind: KindConnect, Latency: time.Millisecond, Reply: Reply{Turns: -1}}, 5*time.Second)
	if got := s.Spread(ColdMS); got.Errors != 1 || got.Value != 5000 {
		t.Errorf("got %+v", got)
	}
	if got := s.Spread(ColdTurns); got.N != 0 {
		t.Errorf("turns of an answer that never came: %+v", got)
	}
}

func someAblation() Ablation {
	old, tuned := samplesOf(map[Measure][]float64{
		ReadyMS: {300, 310, 320, 330}, FirstMS: {900, 910, 920, 930}, FirstDials: {2, 2, 2, 2}, ColdTurns: {2, 2, 2}, ColdMS: {112, 113, 114, 115},
		WarmMS: {110, 111}, OpeningAsks: {100, 100, 0, 100}, FloodHeapMB: {4.5},
	}), samplesOf(map[Measure][]float64{
		ReadyMS: {900, 910, 920, 930}, FirstMS: {112, 112, 113, 114}, FirstDials: {0, 0, 0, 0}, ColdTurns: {1, 1, 1}, ColdMS: {112, 113, 114, 116},
		WarmMS: {1.5, 1.625}, OpeningAsks: {0, 0, 0, 100}, FloodHeapMB: {1.5},
	})
	old.errors[WarmMS] = 1
	return Ablation{
		LinkRTTMS: 110, Rounds: 4, StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), DurationMS: 300000,
		Rows: []Ablated{
			{Decision: "S3", Title: "eager warm-up", Old: "none", Tuned: "20 connections", Method: "As it says.", Figures: Ablate(old, tuned, ReadyMS, FirstMS, FirstDials)},
			{Decision: "S8", Title: "one join", Old: "two statements", Tuned: "one", Method: "Cold users.", Figures: Ablate(old, tuned, ColdTurns, ColdMS, WarmMS)},
			{Decision: "S5", Title: "token cache", Old: "5m", Tuned: "1h", Method: "A fast clock.", Figures: Ablate(old, tuned, OpeningAsks, FloodHeapMB)},
			{Decision: "S4", Title: "a full Redis", Old: "noeviction", Tuned: "allkeys-lru", Method: "Full.", Figures: []AblatedFigure{}},
		},
		Paths: []AblatedPath{{
			Path: "first request after a deploy", BeforeMS: 2500, Aim: "700-900", OldApp: old.Spread(FirstMS), Tuned: tuned.Spread(FirstMS),
			OldAppTurns: old.Spread(ColdTurns), TunedTurns: tuned.Spread(ColdTurns),
		}},
		Failures:    []AblationFailure{{Variant: "S1", Error: "honeydue serve ended before it was ready"}},
		NotMeasured: []string{"S4"},
	}
}

func TestAblationGolden(t *testing.T) {
	d := someAblation().Document()
	for format, ext := range map[report.Format]string{report.FormatTable: "txt", report.FormatJSON: "json", report.FormatMarkdown: "md"} {
		var b bytes.Buffer
		if err := report.Write(&b, format, d, report.Options{Version: "1.2.3", Commit: "abc123"}); err != nil {
			t.Fatal(err)
		}
		golden(t, "ablate."+ext, b.String())
	}
}

// TestAblationJSON: the names that others read.
func TestAblationJSON(t *testing.T) {
	var b bytes.Buffer
	if err := report.Write(&b, report.FormatJSON, someAblation().Document(), report.Options{}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema    string
		Decisions []struct {
			Decision string
			Figures  []struct {
				Measure string
				Seen    *bool
				Tuned   struct {
					N     int
					Value *float64
				}
				WithOld struct{ N int } `json:"with_old"`
			}
		}
		Paths []map[string]any
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != "honeydue.loadtest-ablate/1" || len(got.Decisions) != 4 || len(got.Paths) != 1 {
		t.Fatalf("%+v", got)
	}
	for _, d := range got.Decisions {
		for _, f := range d.Figures {
			i := strings.LastIndexByte(f.Measure, '_')
			if unit := f.Measure[i+1:]; f.Seen == nil || f.Tuned.Value == nil || f.WithOld.N == 0 || !strings.Contains(" ms turns connections pct commands users mb ", " "+unit+" ") {
				t.Errorf("%s: %+v", d.Decision, f)
			}
		}
	}
}
