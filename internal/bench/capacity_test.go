package bench

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// On a server that meets its target up to a known rate and never above, the
// bracket holds that rate, is 5% wide, and took few steps.
func TestSearchBracketsAnyCapacity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Float64Range(1, 100).Draw(t, "start")
		capacity := rapid.Float64Range(start/8, 5000).Draw(t, "capacity")
		steps := 0
		s := &search{start: start, max: 20_000, try: func(_ string, rps float64) Verdict {
			if steps++; rps <= capacity {
				return Pass
			}
			return Fail
		}}
		s.run(func() bool { return false })
		if s.lo > capacity || s.hi <= capacity || s.hi > s.lo*narrow*1.0001 {
			t.Fatalf("bracket [%v, %v] of %v", s.lo, s.hi, capacity)
		}
		// The climb, 4 halvings of 1.5 (or 2) to 1.05, and the ceiling.
		if most := int(math.Log(max(capacity/start, start/capacity))/math.Log(climb)) + 3 + 5 + 1; steps > most {
			t.Fatalf("%d steps, more than %d", steps, most)
		}
	})
}

func TestSearchOutcomes(t *testing.T) {
	never := func() bool { return false }
	upTo := func(limit float64, beyond Verdict) func(string, float64) Verdict {
		return func(_ string, rps float64) Verdict {
			if rps <= limit {
				return Pass
			}
			return beyond
		}
	}
	t.Run("the end of the search", func(t *testing.T) {
		s := &search{start: 10, max: 100, try: upTo(1000, Fail)}
		if s.run(never); s.lo != 100 || s.above() != 0 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("the generator ended first", func(t *testing.T) {
		s := &search{start: 10, max: 1000, try: upTo(300, Invalid)}
		if s.run(never); s.hi != 0 || s.lo > 300 || s.lo < 300/narrow {
			t.Errorf("%+v", s)
		}
	})
	t.Run("not proven is not on target", func(t *testing.T) {
		s := &search{start: 10, max: 1000, try: upTo(300, Inconclusive)}
		if s.run(never); s.lo > 300 || s.hi <= 300 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("never on target", func(t *testing.T) {
		s := &search{start: 10, max: 1000, try: upTo(0, Fail)}
		if s.run(never); s.lo != 0 || s.hi != 10.0/8 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("a ceiling that does not stand is lowered", func(t *testing.T) {
		ceilings := 0
		s := &search{start: 10, max: 1000, try: func(kind string, rps float64) Verdict {
			if kind == stepCeiling {
				if ceilings++; ceilings == 1 {
					return Fail
				}
			}
			return upTo(300, Fail)(kind, rps)
		}}
		if s.run(never); ceilings != 2 || s.hi > 300 || math.Abs(s.hi/s.lo-narrow) > 1e-9 {
			t.Errorf("%+v after %d measurements of the ceiling", s, ceilings)
		}
	})
	t.Run("a ceiling that never stands claims nothing", func(t *testing.T) {
		s := &search{start: 10, max: 1000, try: func(kind string, rps float64) Verdict {
			if kind == stepCeiling {
				return Fail
			}
			return upTo(300, Fail)(kind, rps)
		}}
		if s.run(never); s.lo != 0 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		steps := 0
		s := &search{start: 10, max: 1000, try: func(string, float64) Verdict {
			if steps++; steps == 3 {
				return ""
			}
			return Pass
		}}
		if s.run(func() bool { return steps == 3 }); steps != 3 || s.lo != 15 || s.hi != 0 {
			t.Errorf("%+v after %d steps", s, steps)
		}
	})
}

// slots is a server that serves so many requests at once and takes the same time
// for each. capacity is how many it serves in a second: a busy machine wakes it
// later than it asked for, so that is counted.
func slots(t *testing.T, n int, service time.Duration) (server *httptest.Server, capacity func() float64) {
	t.Helper()
	free := make(chan struct{}, n)
	var served, taken atomic.Int64
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		select {
		case free <- struct{}{}:
		case <-r.Context().Done():
			return
		}
		waited := time.Since(began)
		time.Sleep(service)
		taken.Add(int64(time.Since(began) - waited))
		served.Add(1)
		<-free
		w.Header().Set("Server-Timing", "acquire;dur="+plain(stats.MS(waited))+", db;dur="+plain(stats.MS(service)))
	}))
	t.Cleanup(server.Close)
	return server, func() float64 {
		return float64(n) * float64(served.Load()) / time.Duration(taken.Load()).Seconds()
	}
}

func capacityConfig(t *testing.T, url string, o CapacityOptions) Config {
	t.Helper()
	base, err := ParseTarget(url)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := CapacityPlan(PlanOptions{Get: true, P99: 600 * time.Millisecond}, o, true)
	if err != nil {
		t.Fatal(err)
	}
	mix, err := NewMix(MixRoute{ID: "/", Path: "/", Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	return Config{Target: url, Hitter: newHitter(t, HitterConfig{Base: base}), Plan: plan, Mix: mix, canaryFor: 50 * time.Millisecond}
}

// Four slots of 20 ms serve 200 requests/s, or what the machine's sleep makes of
// it. Steps of 4 s with a target of 600 ms find up to 15% too much, so the ratio
// is broad.
func TestCapacityOfAServerWithAKnownCeiling(t *testing.T) {
	server, capacity := slots(t, 4, 20*time.Millisecond)
	o := CapacityOptions{Start: 100, Max: 2000, Step: 4 * time.Second}
	r, err := FindCapacity(t.Context(), capacityConfig(t, server.URL, o), o)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Capacity
	t.Logf("%s; %s", c.Summary, c.Evidence)
	if r.Verdict != Pass || c.Bracket[0] == nil || c.Bracket[1] == nil {
		t.Fatalf("verdict %s because of %q: %+v", r.Verdict, r.Reasons, c)
	}
	if is := capacity(); *c.Bracket[0] < is*0.6 || *c.Bracket[1] > is*1.5 {
		t.Errorf("bracket [%v, %v] of a capacity of %.0f/s", *c.Bracket[0], *c.Bracket[1], is)
	}
	if !strings.Contains(c.LimitedBy, "pool of database connections") || !strings.Contains(c.Evidence, "acquire") {
		t.Errorf("limited by %q: %q", c.LimitedBy, c.Evidence)
	}
	for _, s := range c.Steps {
		if s.Requests < leastOfStep {
			t.Errorf("step %+v has too few requests to claim", s)
		}
	}
	if last := c.Steps[len(c.Steps)-1]; last.Kind != stepCeiling || last.Verdict != Pass || last.RPS != *c.Bracket[0] {
		t.Errorf("the last step is %+v", last)
	}
	if len(r.Phases) != 1 || r.Phases[0].Verdict != Pass {
		t.Errorf("%d phases", len(r.Phases))
	}
}

// A server that refuses above a number of requests is limited by its refusals.
func TestCapacityOfAServerThatRefuses(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(server.Close)
	o := CapacityOptions{Start: 400, Max: 400, Step: 100 * time.Millisecond}
	r, err := FindCapacity(t.Context(), capacityConfig(t, server.URL, o), o)
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Capacity; r.Verdict != Fail || c.RPS != 0 || !strings.Contains(c.Summary, "less than") || !strings.Contains(c.LimitedBy, "a rate limit (429)") {
		t.Errorf("verdict %s: %+v", r.Verdict, c)
	}
}

// A server that is not there is asked for one step, not down to the lowest rate.
func TestCapacityOfAServerThatIsNotThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	o := CapacityOptions{Start: 400, Max: 1600, Step: 100 * time.Millisecond}
	r, err := FindCapacity(t.Context(), capacityConfig(t, server.URL, o), o)
	if err != nil {
		t.Fatal(err)
	}
	if kind, n := r.Unanswered(); kind != KindConnect || n == 0 || r.Verdict != Fail || r.Capacity.RPS != 0 || len(r.Capacity.Steps) != 1 {
		t.Errorf("verdict %s, %d times %s, %+v: want one step, of which nothing was answered", r.Verdict, n, kind, r.Capacity)
	}
}

// The floor of each step is one of about its own rate, however far the search goes.
func TestCapacityMeasuresTheFloorWhereItIs(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	o := CapacityOptions{Start: 400, Max: 1350, Step: 100 * time.Millisecond}
	c := capacityConfig(t, server.URL, o)
	c.Plan.Phases[0].Target = 20 * time.Second // which no step misses
	var floors []float64
	c.Progress = func(p Progress) {
		if p.Phase == "canary" && p.Ended != nil {
			_, at, _ := strings.Cut(p.Ended.Claim, " at ")
			floor, err := strconv.ParseFloat(strings.TrimSuffix(at, "/s"), 64)
			if err != nil {
				t.Error(err)
			}
			floors = append(floors, floor)
		}
	}
	r, err := FindCapacity(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	rates, disturbed := make(map[float64]bool), false
	for _, s := range r.Capacity.Steps {
		rates[s.RPS], disturbed = true, disturbed || s.Verdict != Pass
	}
	if !rates[1350] {
		t.Fatalf("the search did not come to its end: %+v", r.Capacity)
	}
	// 400 and 900 are enough for 400, 600, 900 and 1350; a step that a busy machine disturbs has its floor measured anew.
	if len(floors) < 2 || floors[0] != 400 || !disturbed && floors[1] != 900 || r.Generator.FloorRate != slices.Max(floors) {
		t.Errorf("floors at %v, told of %v", floors, r.Generator.FloorRate)
	}
	for at := range rates {
		if !slices.ContainsFunc(floors, func(f float64) bool { return at <= f*floorReach && at >= f/floorReach }) {
			t.Errorf("no floor of about %v/s was measured: %v", at, floors)
		}
	}

	// A search that goes down again is judged by a floor of its own rate.
	k := &capacityRun{run: newRun(c)}
	for _, rps := range []float64{2000, 2900, 500, 40, 150} {
		if err := k.floorFor(t.Context(), rps); err != nil {
			t.Fatal(err)
		}
		if at := max(rps, canaryRate); k.floorRate < at/floorReach || k.floorRate > at*floorReach {
			t.Errorf("a step at %v is judged by the floor at %v", rps, k.floorRate)
		}
	}
	if k.result.Generator.FloorRate != 2000 {
		t.Errorf("told of %v", k.result.Generator.FloorRate)
	}
}

func TestCapacityInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	o := CapacityOptions{Start: 100, Max: 1000, Step: time.Minute}
	c := capacityConfig(t, server.URL, o)
	c.Progress = func(p Progress) {
		if p.Done > 0 {
			cancel()
		}
	}
	r, err := FindCapacity(ctx, c, o)
	if err != nil || r.Verdict != Inconclusive || r.Capacity.RPS != 0 || !strings.Contains(r.Reasons[0], "interrupted") {
		t.Errorf("verdict %s because of %q, %v: %+v", r.Verdict, r.Reasons, err, r.Capacity)
	}
}

func TestCapacityPlanIsChecked(t *testing.T) {
	for what, o := range map[string]CapacityOptions{
		"makes no sense": {Start: 500, Max: 100},
		"would take":     {Start: 0.1, Step: 48 * time.Hour},
	} {
		if _, err := CapacityPlan(PlanOptions{}, o, true); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%+v: %v, want %q", o, err, what)
		}
	}
	// Only another machine has a ceiling, and Max raises it.
	if got := (CapacityOptions{Start: 10}).complete(false).Max; got != maxRateRemote {
		t.Errorf("elsewhere the search ends at %v/s", got)
	}
	if _, err := CapacityPlan(PlanOptions{}, CapacityOptions{Start: 2000}, false); err == nil {
		t.Error("2,000/s elsewhere are not refused, although nobody asked for more than the ceiling")
	}
	if _, err := CapacityPlan(PlanOptions{}, CapacityOptions{Start: 10, Max: 1500}, false); err != nil {
		t.Errorf("1,500/s elsewhere, as asked for: %v", err)
	}
	if _, err := CapacityPlan(PlanOptions{}, CapacityOptions{Start: 10, Max: 500_000}, true); err != nil {
		t.Errorf("500,000/s on this machine: %v", err)
	}
	plan, err := CapacityPlan(PlanOptions{}, CapacityOptions{Start: 10, Step: time.Second}, false)
	if err != nil || plan.Phases[0].Schedule.Requests() < leastOfStep || plan.Phases[0].Target != TargetWarm {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestLimitIsNamedFromEvidence(t *testing.T) {
	slow := func(latency, lag, queue float64, timing map[string]float64) Phase {
		return Phase{Over: 50, Rate: Rate{Planned: 400}, Slowest: []Slow{{LatencyMS: latency, LagMS: lag, QueueMS: queue, ServerTiming: timing}}}
	}
	// behind is a phase with a server's side; each series has the same value in all readings but the first.
	behind := func(p Phase, series map[string]float64) Phase {
		p.Server = &ServerTimeline{AtMS: []float64{1000, 2000, 3000}}
		for name, v := range series {
			p.Server.Series = append(p.Server.Series, Series{Name: name, Mean: &v, Max: &v, Values: []*float64{nil, &v, &v}})
		}
		return p
	}
	inAcquire := slow(500, 1, 2, map[string]float64{"acquire_ms": 400, "db_ms": 80, "app_ms": 5})
	inDB := slow(500, 1, 2, map[string]float64{"acquire_ms": 10, "db_ms": 440, "app_ms": 5})
	inApp := slow(500, 1, 2, map[string]float64{"acquire_ms": 10, "db_ms": 100, "app_ms": 380})
	queue := map[string]float64{seriesPoolerWaiting: 7, seriesPoolerIdle: 0, seriesPoolerActive: 4, seriesExecPerCall: 3}
	noQueue := map[string]float64{seriesPoolerWaiting: 0, seriesPoolerIdle: 3, seriesPoolInUse: 25, seriesPoolMax: 25}
	idle := map[string]float64{seriesPoolerWaiting: 7, seriesPoolerIdle: 1}
	busy := map[string]float64{seriesCPU: 190, seriesCores: 2}
	refused := Phase{Over: 50, Errors: 40, ErrorKinds: map[string]int{"500": 15, "503": 15, "502:x": 5, "404": 5}, Rate: Rate{Planned: 400}}
	stood := func(execution float64) *Phase {
		p := behind(Phase{Rate: Rate{Planned: 100}}, map[string]float64{seriesExecPerCall: execution})
		return &p
	}
	for _, tc := range []struct {
		p     Phase
		want  string
		stood *Phase
	}{
		{behind(inDB, queue), "pooler connections", nil},
		{behind(inAcquire, queue), "pooler connections", nil},
		{behind(inDB, queue), "pooler connections", stood(2.5)},
		{behind(inDB, queue), "the database's execution", stood(1.2)},
		{behind(inDB, idle), "the database and the way to it", nil},
		{behind(inDB, noQueue), "the database and the way to it", nil},
		{behind(inAcquire, noQueue), "DB_MAX_CONNS", nil},
		{behind(inAcquire, map[string]float64{seriesPoolInUse: 20, seriesPoolMax: 25}), "pool of database connections", nil},
		{behind(inApp, busy), "the server's CPU", nil},
		{behind(inApp, queue), "own code or CPU", nil},
		{behind(inApp, map[string]float64{seriesCPU: 100, seriesCores: 2}), "own code or CPU", nil},
		{behind(refused, queue), "pooler connections", nil},
		{behind(refused, noQueue), "DB_MAX_CONNS", nil},
		{behind(refused, idle), "5xx", nil},
		{slow(500, 1, 2, map[string]float64{"acquire_ms": 400, "db_ms": 80, "app_ms": 5}), "pool of database connections", nil},
		{slow(500, 1, 2, map[string]float64{"acquire_ms": 10, "db_ms": 440, "app_ms": 5}), "the database", nil},
		{slow(500, 1, 2, map[string]float64{"acquire_ms": 10, "db_ms": 100, "app_ms": 380}), "own code or CPU", nil},
		{slow(500, 1, 2, map[string]float64{"redis_ms": 400, "db_ms": 80}), "Redis", nil},
		{slow(500, 1, 400, map[string]float64{"db_ms": 80}), "--max-connections", nil},
		{slow(500, 1, 2, map[string]float64{"db_ms": 80}), "before the server's own account", nil},
		{slow(500, 1, 2, nil), "does not say by what", nil},
		{Phase{Over: 50, Errors: 40, ErrorKinds: map[string]int{"500": 10, "503": 10, "reset": 15, "504": 5}}, "5xx", nil},
		{Phase{Over: 50, Errors: 40, ErrorKinds: map[string]int{"429": 40}}, "rate limit", nil},
		{Phase{Over: 50, Errors: 40, ErrorKinds: map[string]int{"timeout": 40}}, "can't be seen", nil},
		{Phase{Over: 50, Errors: 40, ErrorKinds: map[string]int{"timeout_header": 40}}, "can't be seen", nil},
		{Phase{Over: 50, Errors: 40, ErrorKinds: map[string]int{"503:database_unavailable": 40}}, "5xx", nil},
	} {
		if name, evidence := limitOf(tc.p, tc.stood); !strings.Contains(name, tc.want) || evidence == "" {
			t.Errorf("%q, %q; want %q", name, evidence, tc.want)
		}
	}
}
