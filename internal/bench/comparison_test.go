package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// slowDelay is far above what a loaded machine adds to the 5 ms of the other server.
const slowDelay = 400 * time.Millisecond

// turnServer answers after a delay and notes who asked what, when.
type turnServer struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string // paths and users, in the order of their sequence numbers
	traces map[string]bool
	// odd changes the answer of a request, by its number; nil = none
	odd func(n int) (status int, cacheStatus string)
}

func newTurnServer(t *testing.T, delay time.Duration, status int) *turnServer {
	t.Helper()
	s := &turnServer{traces: make(map[string]bool)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		status, cache := status, "token; hit"
		if s.odd != nil {
			status, cache = s.odd(len(s.asked))
		}
		s.asked = append(s.asked, r.URL.RequestURI()+" "+r.Header.Get("Authorization"))
		s.traces[r.Header.Get("Traceparent")] = true
		s.mu.Unlock()
		time.Sleep(delay)
		w.Header().Set("Cache-Status", cache)
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

func compareRun(ctx context.Context, t *testing.T, baseline, target *turnServer, o PlanOptions, s Slicing, change func(*Config)) (Result, error) {
	t.Helper()
	plan, err := ComparePlan(o, s)
	if err != nil {
		t.Fatal(err)
	}
	hitter := func(url string) *Hitter {
		base, err := ParseTarget(url)
		if err != nil {
			t.Fatal(err)
		}
		return newHitter(t, HitterConfig{Base: base, Run: NewRunID()})
	}
	c := Config{
		Target: target.URL, Hitter: hitter(target.URL), Plan: plan, Mix: testMix(t), Users: testUsers(5),
		canaryFor: 50 * time.Millisecond,
	}
	if change != nil {
		change(&c)
	}
	return Compare(ctx, c, Baseline{Target: baseline.URL, Hitter: hitter(baseline.URL), Users: testUsers(5)}, s)
}

// short is a comparison of 2 x 6 slices of half a second; its target is far away.
func short() (PlanOptions, Slicing) {
	return PlanOptions{Profile: "release", Rate: 200, P99: 4 * time.Second}, Slicing{Slices: 6, Length: 500 * time.Millisecond}
}

// A real run of a server against one that is slower by a fixed delay: only that
// it is found, and that the ratio is not small, is asserted.
func TestCompareFindsASlowerServer(t *testing.T) {
	fast, slow := newTurnServer(t, 5*time.Millisecond, 200), newTurnServer(t, slowDelay, 200)
	o, s := short()
	r, err := compareRun(t.Context(), t, fast, slow, o, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Comparison
	t.Log(c.String(), c.Baseline.SliceP99MS, c.Target.SliceP99MS, c.Order)
	if r.Verdict != Fail || c.Finding != stats.Regression || c.Effect < 0.5 {
		t.Fatalf("verdict %s because of %q", r.Verdict, r.Reasons)
	}
	if len(c.Order) != 12 || strings.Count(c.Order, "A") != 6 {
		t.Errorf("order %s", c.Order)
	}
	for i := 0; i < 12; i += 2 {
		if c.Order[i] == c.Order[i+1] {
			t.Errorf("order %s: slices %d and %d are of one server", c.Order, i+1, i+2)
		}
	}
	if c.Order == strings.Repeat("AB", 6) || c.Order == strings.Repeat("BA", 6) {
		t.Errorf("order %s is not random", c.Order)
	}
	// The same requests, after the warm-up of 5 users and 2 routes.
	if a, b := countOf(fast.asked), countOf(slow.asked); fmt.Sprint(a) != fmt.Sprint(b) || len(fast.asked) != 10+6*100 {
		t.Errorf("the servers were asked %d and %d requests, %v and %v", len(fast.asked), len(slow.asked), a, b)
	}
	if len(r.Phases) != 2 || r.Phases[0].Name != PhaseAgainst || r.Phases[1].Name != PhaseTarget || r.Phases[0].Requests != 600 {
		t.Errorf("phases %+v", r.Phases)
	}
	for i, server := range []*turnServer{fast, slow} {
		for _, worst := range r.Phases[i].Slowest {
			found := false
			for trace := range server.traces {
				found = found || strings.Contains(trace, worst.TraceID)
			}
			if !found {
				t.Errorf("%s: the slowest request's trace %s was never sent", r.Phases[i].Name, worst.TraceID)
			}
		}
	}
	if len(r.Document().Cases) != 1 || r.Document().Cases[0].Status != "failed" {
		t.Errorf("cases %+v", r.Document().Cases)
	}
}

func TestOrdersAreBalancedAndShuffled(t *testing.T) {
	seen := make(map[string]bool)
	for seed := range uint64(20) {
		first := 0
		for _, pair := range orders(10, seed) {
			first += pair[0]
			if pair[0]+pair[1] != 1 {
				t.Fatalf("the pair %v", pair)
			}
		}
		if first != 5 {
			t.Errorf("seed %d: the target goes first in %d of 10 pairs", seed, first)
		}
		seen[fmt.Sprint(orders(10, seed))] = true
	}
	if len(seen) < 15 {
		t.Errorf("20 seeds gave %d orders", len(seen))
	}
}

func countOf(asked []string) map[string]int {
	out := make(map[string]int)
	for _, a := range asked {
		out[a]++
	}
	return out
}

// The same two servers the other way round are an improvement, and one server
// against itself is no regression: both end well.
func TestCompareWithoutRegression(t *testing.T) {
	fast, slow := newTurnServer(t, 5*time.Millisecond, 200), newTurnServer(t, slowDelay, 200)
	o, s := short()
	r, err := compareRun(t.Context(), t, slow, fast, o, s, nil)
	if err != nil || r.Verdict != Pass || r.Comparison.Finding != stats.Improvement {
		t.Errorf("verdict %s because of %q, %v", r.Verdict, r.Reasons, err)
	}
	r, err = compareRun(t.Context(), t, slow, slow, o, s, nil)
	if err != nil || r.Comparison.Finding == stats.TooFew {
		t.Errorf("verdict %s because of %q, %v", r.Verdict, r.Reasons, err)
	}
	// One real pair may be the one in twenty; the shares are what the self-test is about.
	t.Log("A/A: ", r.Comparison)
}

// One request of a slice of 125 may be anything: its p99 by nearest rank does not show it.
func TestCompareSeesWhatNoP99Shows(t *testing.T) {
	good, odd := newTurnServer(t, 0, 200), newTurnServer(t, 0, 200)
	o, s := short()
	s.Slices, s.Length, o.Rate = 7, 250*time.Millisecond, 500
	for _, tc := range []struct {
		name string
		odd  func(n int) (int, string)
		want Verdict
		why  string
	}{
		{"a failure in each slice", func(n int) (int, string) {
			if n%125 == 60 {
				return 500, ""
			}
			return 200, "token; hit"
		}, Fail, "more of the target's requests failed: 7 of 875, of the baseline's 0 of 875"},
		{"two misses in each slice", func(n int) (int, string) {
			if n%50 == 30 {
				return 200, "token; fwd=miss"
			}
			return 200, "token; hit"
		}, Inconclusive, "more of the target's requests missed a cache, and are in no p99: "},
		{"ten misses in each slice", func(n int) (int, string) {
			if n%10 == 5 {
				return 200, "token; fwd=miss"
			}
			return 200, "token; hit"
		}, Inconclusive, "requests of target were not warm, and its p99 leaves them out"},
		{"nothing proved", func(int) (int, string) { return 200, "" }, Inconclusive, "125 replies of target have no Cache-Status"},
	} {
		good.asked, odd.asked, odd.odd = nil, nil, tc.odd
		r, err := compareRun(t.Context(), t, good, odd, o, s, nil)
		if why := strings.Join(r.Reasons, "\n"); err != nil || r.Verdict != tc.want || !strings.Contains(why, tc.why) {
			t.Errorf("%s: verdict %s because of %q, %v; want %s, %q", tc.name, r.Verdict, why, err, tc.want, tc.why)
		}
	}
}

func TestCompareThatEndsEarly(t *testing.T) {
	o, s := short()
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		a, b := newTurnServer(t, 0, 200), newTurnServer(t, 0, 200)
		s := s
		s.Length = 1500 * time.Millisecond
		var told atomic.Bool
		r, err := compareRun(ctx, t, a, b, o, s, func(c *Config) {
			c.Progress = func(p Progress) {
				if p.Done > 0 {
					told.Store(true)
					cancel()
				}
			}
		})
		if err != nil || !told.Load() || r.Verdict != Inconclusive || r.Comparison.Finding != stats.TooFew || !strings.Contains(strings.Join(r.Reasons, "\n"), "interrupted") {
			t.Errorf("verdict %s because of %q, %v", r.Verdict, r.Reasons, err)
		}
	})
	t.Run("the target breaks", func(t *testing.T) {
		good, broken := newTurnServer(t, 0, 200), newTurnServer(t, 0, 503)
		mix, err := NewMix(MixRoute{ID: "/", Path: "/", Weight: 1})
		if err != nil {
			t.Fatal(err)
		}
		get := PlanOptions{Get: true, Rate: 200, P99: 4 * time.Second}
		r, err := compareRun(t.Context(), t, good, broken, get, s, func(c *Config) { c.Mix = mix })
		if err != nil || r.Verdict != Fail || !strings.Contains(r.Reasons[0], "more than half of the last 100 requests failed") {
			t.Errorf("verdict %s because of %q, %v", r.Verdict, r.Reasons, err)
		}
		r, err = compareRun(t.Context(), t, broken, good, get, s, func(c *Config) { c.Mix = mix })
		if err != nil || r.Verdict != Inconclusive {
			t.Errorf("a baseline that breaks: verdict %s because of %q, %v", r.Verdict, r.Reasons, err)
		}
	})
	t.Run("a warm-up that fails", func(t *testing.T) {
		good, broken := newTurnServer(t, 0, 200), newTurnServer(t, 0, 503)
		if _, err := compareRun(t.Context(), t, broken, good, o, s, nil); err == nil || !strings.Contains(err.Error(), "against: warming up") {
			t.Errorf("error %v", err)
		}
	})
}

func TestComparisonIsJudged(t *testing.T) {
	difference := func(f stats.Finding, slices int) stats.Difference {
		return stats.Difference{Finding: f, Slices: slices}
	}
	for _, tc := range []struct {
		name    string
		c       Comparison
		stopped string
		broke   bool
		want    Verdict
	}{
		{"no difference", Comparison{Difference: difference(stats.NoDifference, 10)}, "", false, Pass},
		{"improvement", Comparison{Difference: difference(stats.Improvement, 10)}, "", false, Pass},
		{"regression", Comparison{Difference: difference(stats.Regression, 10)}, "", false, Fail},
		{"regression before the end", Comparison{Difference: difference(stats.Regression, 7)}, "stopped", false, Fail},
		{"no difference before the end", Comparison{Difference: difference(stats.NoDifference, 7)}, "stopped", false, Inconclusive},
		{"too few", Comparison{Difference: difference(stats.TooFew, 2)}, "stopped", false, Inconclusive},
		{"too few, most of them invalid", Comparison{Difference: difference(stats.TooFew, 2), Dropped: []string{"pair 1: invalid: a", "pair 2: invalid: a", "pair 3: invalid: a"}}, "", false, Invalid},
		{"too few in the state", Comparison{Difference: difference(stats.TooFew, 2), Dropped: []string{"pair 1: only 3", "pair 2: only 3", "pair 3: only 3"}}, "", false, Inconclusive},
		{"the target broke", Comparison{Difference: difference(stats.TooFew, 2)}, "more than half", true, Fail},
	} {
		if got, why := tc.c.judge(tc.stopped, tc.broke); got != tc.want || (got != Pass) != (len(why) > 0) {
			t.Errorf("%s: %s because of %q, want %s", tc.name, got, why, tc.want)
		}
	}
}

func TestComparePlanIsChecked(t *testing.T) {
	for what, tc := range map[string]struct {
		o PlanOptions
		s Slicing
	}{
		"5 at least":      {PlanOptions{Get: true}, Slicing{Slices: 4}},
		"a slice of 50":   {PlanOptions{Get: true}, Slicing{Length: time.Second}},
		"would take":      {PlanOptions{Get: true}, Slicing{Length: 10 * time.Hour}},
		`profile "spike"`: {PlanOptions{Profile: "spike"}, Slicing{}},
		`profile "none"`:  {PlanOptions{Profile: "none"}, Slicing{}},
	} {
		if _, err := ComparePlan(tc.o, tc.s); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	plan, err := ComparePlan(PlanOptions{Profile: "release"}, Slicing{})
	if err != nil || len(plan.Phases) != 1 || plan.Phases[0].Schedule.Requests() != 500 || len(plan.Skipped) != 3 || plan.Skipped[2].Phase != PhaseEvening || plan.Skipped[2].Why == plan.Skipped[0].Why {
		t.Errorf("%+v, %v", plan, err)
	}
}
