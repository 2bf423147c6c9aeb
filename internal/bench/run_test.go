package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/report"
)

func testRun(t *testing.T, s *standIn, p Plan, users []User, change func(*Config)) (Result, error) {
	t.Helper()
	c := Config{
		Target: s.URL, Hitter: newHitter(t, HitterConfig{Base: s.base(t)}), Plan: p, Mix: testMix(t), Users: users,
		canaryFor: 50 * time.Millisecond,
		Restart: func(context.Context) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.restarts++
			return nil
		},
	}
	if change != nil {
		change(&c)
	}
	return Run(t.Context(), c)
}

func warmPhase(t *testing.T, n int) PhasePlan {
	return PhasePlan{Name: PhaseWarm, State: Warm, Schedule: schedule(t, 400, time.Duration(n)*time.Second/400), Users: 5, Target: 10 * time.Second}
}

func coldPhase(t *testing.T, n int) PhasePlan {
	return PhasePlan{Name: PhaseCold, State: Cold, Schedule: schedule(t, 400, time.Duration(n)*time.Second/400), Users: n, Target: 10 * time.Second}
}

// The targets are far away (10 s), so that the verdicts rest on counts alone.
func TestReleaseProfileOnAServerThatTellsItsCaches(t *testing.T) {
	s := newStandIn(t)
	plan := Plan{Profile: "test", Phases: []PhasePlan{
		warmPhase(t, 480), coldPhase(t, 320),
		{Name: PhaseFirst, Restarts: 3, Users: 3, Target: 10 * time.Second},
	}}
	var steps []string
	r, err := testRun(t, s, plan, testUsers(400), func(c *Config) {
		c.Progress = func(p Progress) { steps = append(steps, p.Phase) }
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != Pass || len(r.Reasons) != 0 {
		t.Fatalf("verdict %s because of %q", r.Verdict, r.Reasons)
	}
	warm, cold, first := r.Phases[0], r.Phases[1], r.Phases[2]
	if warm.Requests != 480 || len(warm.Apart) != 0 || warm.DBTurns != (Turns{1, 1, true}) || warm.OverAllowed != 1 {
		t.Errorf("warm: %+v", warm)
	}
	if cold.Requests != 320 || len(cold.Apart) != 0 || cold.DBTurns != (Turns{2, 2, true}) {
		t.Errorf("cold: %+v", cold)
	}
	if first.Requests != 3 || first.Restarts.Under != 3 || first.Latency.P99 != nil || first.Service.P99 != nil || first.Queue.P99 != nil || s.restarts != 3 {
		t.Errorf("first: %+v, %d restarts", first, s.restarts)
	}
	if len(warm.Slowest) != keepSlowest || warm.Slowest[0].ServerTiming["db_ms"] != 0.2 || warm.Slowest[0].LatencyMS < warm.Slowest[19].LatencyMS {
		t.Errorf("slowest of warm: %+v", warm.Slowest)
	}

	// Who was asked what: 5 warm users for all of warm, and 320 + 3 others once each.
	once, often := 0, 0
	for _, n := range s.seen {
		if n == 1 {
			once++
		} else {
			often++
		}
	}
	if once != 323 || often != 5 {
		t.Errorf("%d users asked once and %d more often; want 323 and 5", once, often)
	}
	if board, lists := s.paths["/api/tasks/"], s.paths["/api/contractors/?limit=50"]; board < 2*lists || lists == 0 {
		t.Errorf("the mix of 3 to 1 asked %d boards and %d lists", board, lists)
	}
	for trace, n := range s.traces {
		if n != 1 || !strings.HasPrefix(trace, "00-"+r.Run) {
			t.Errorf("trace %q was used %d times; it must begin with the run %s", trace, n, r.Run)
		}
	}
	if !slices.ContainsFunc(slices.Collect(keysOf(s.traces)), func(h string) bool { return strings.Contains(h, warm.Slowest[0].TraceID) }) {
		t.Errorf("the slowest request's trace %s was never sent", warm.Slowest[0].TraceID)
	}
	if !slices.Contains(steps, "canary") || !slices.Contains(steps, PhaseFirst) {
		t.Errorf("progress told of %q", steps)
	}
}

func keysOf(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestSamplesOfAnotherStateAreCountedApart(t *testing.T) {
	t.Run("a warm phase on a server that caches nothing", func(t *testing.T) {
		s := newStandIn(t)
		s.forget = true
		r, err := testRun(t, s, Plan{Phases: []PhasePlan{warmPhase(t, 320)}}, testUsers(5), nil)
		if err != nil {
			t.Fatal(err)
		}
		p := r.Phases[0]
		if p.Verdict != Inconclusive || p.Requests != 0 || p.Apart["cold"] != 320 {
			t.Errorf("verdict %s, %d requests, apart %v: no sample was warm", p.Verdict, p.Requests, p.Apart)
		}
	})
	t.Run("a warm phase in which the misses take longer than the target", func(t *testing.T) {
		s := newStandIn(t)
		s.turnsCold = func(n int) bool { return n%25 == 24 }
		s.delay = func(n int) time.Duration {
			if s.turnsCold(n) {
				return 3500 * time.Millisecond
			}
			return 0
		}
		phase := warmPhase(t, 500)
		phase.Target = 3 * time.Second
		r, err := testRun(t, s, Plan{Phases: []PhasePlan{phase}}, testUsers(5), nil)
		if err != nil {
			t.Fatal(err)
		}
		p := r.Phases[0]
		if p.Verdict != Fail || p.Apart["cold"] != 20 || p.ApartOver != 20 || p.Requests != 480 || !strings.Contains(p.claim(), " and 20 of 20 apart (") {
			t.Errorf("verdict %s because of %q, apart %v, %d of them over: %s", p.Verdict, p.Reasons, p.Apart, p.ApartOver, p.claim())
		}
	})
	t.Run("a cold phase on users that the server knows", func(t *testing.T) {
		s := newStandIn(t)
		users := testUsers(400)
		for _, u := range users[:200] {
			s.seen[u.Token.secret] = 1
		}
		r, err := testRun(t, s, Plan{Phases: []PhasePlan{coldPhase(t, 400)}}, users, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p := r.Phases[0]; p.Verdict != Inconclusive || p.Requests != 200 || p.Apart["warm"] != 200 {
			t.Errorf("verdict %s, %d requests, apart %v", p.Verdict, p.Requests, p.Apart)
		}
	})
	t.Run("a server that does not tell", func(t *testing.T) {
		s := newStandIn(t)
		s.silent = true
		r, err := testRun(t, s, Plan{Phases: []PhasePlan{warmPhase(t, 320)}}, testUsers(5), nil)
		if err != nil {
			t.Fatal(err)
		}
		if p := r.Phases[0]; p.Verdict != Inconclusive || p.Requests != 320 || p.DBTurns.Stated {
			t.Errorf("verdict %s, %d requests: nothing proves the state", p.Verdict, p.Requests)
		}
	})
}

func TestFailuresCountAsOverAndTheBreakerStops(t *testing.T) {
	s := newStandIn(t)
	s.status = func(n int) int {
		if n >= 200 {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	}
	plan := Plan{Phases: []PhasePlan{
		{Name: PhaseGet, Schedule: schedule(t, 400, 5*time.Second), Target: 4 * time.Second},
		coldPhase(t, 320),
	}}
	r, err := testRun(t, s, plan, testUsers(320), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != Fail || len(r.Phases) != 1 {
		t.Fatalf("verdict %s after %d phases; want fail after 1", r.Verdict, len(r.Phases))
	}
	p := r.Phases[0]
	if p.Requests >= 600 || p.Errors < 51 || p.ErrorKinds["500"] != p.Errors || p.Over != p.Errors {
		t.Errorf("%d requests, %d errors %v, %d over", p.Requests, p.Errors, p.ErrorKinds, p.Over)
	}
	if *p.Latency.P99 < stats.MS(DefaultTimeout)*0.999 {
		t.Errorf("p99 %v ms: failures that come fast must not better the percentiles", *p.Latency.P99)
	}
	if !slices.ContainsFunc(r.Reasons, func(s string) bool { return strings.Contains(s, "more than half") }) {
		t.Errorf("reasons %q do not name the breaker", r.Reasons)
	}
	if !slices.Contains(r.Reasons, "cold: not run") {
		t.Errorf("reasons %q do not say that cold was not run", r.Reasons)
	}
	if want := fmt.Sprintf("get: %d of %d requests failed: 500", p.Errors, p.Requests); !slices.Contains(r.Reasons, want) {
		t.Errorf("reasons %q do not have %q", r.Reasons, want)
	}
	texts := render(t, r)
	if got := texts[report.FormatJUnit]; !strings.Contains(got, `name="cold"`) || !strings.Contains(got, `<skipped message="not measured: the run ended before it">`) {
		t.Errorf("JUnit does not have cold as skipped:\n%s", got)
	}
	if got := texts[report.FormatGitHub]; !strings.Contains(got, "cold") || !strings.Contains(got, "the run ended before it") {
		t.Errorf("GitHub is not told of cold:\n%s", got)
	}
}

func TestInterruptReportsWhatWasMeasured(t *testing.T) {
	s := newStandIn(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.delay = func(n int) time.Duration {
		if n == 400 {
			cancel()
		}
		return 0
	}
	r, err := Run(ctx, Config{
		Hitter: newHitter(t, HitterConfig{Base: s.base(t)}), Mix: testMix(t), Users: testUsers(1), canaryFor: 50 * time.Millisecond,
		Plan: Plan{Phases: []PhasePlan{{Name: PhaseGet, Schedule: schedule(t, 400, time.Minute), Target: 10 * time.Second}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := r.Phases[0]
	if r.Verdict != Inconclusive || p.Requests < 400 || p.Requests > 500 || p.Errors != 0 {
		t.Errorf("verdict %s, %d requests, %d errors", r.Verdict, p.Requests, p.Errors)
	}
	if !slices.Contains(r.Reasons, "interrupted") {
		t.Errorf("reasons %q", r.Reasons)
	}
}

func TestARestartThatFailsIsAnErrorAndKeepsTheRest(t *testing.T) {
	s := newStandIn(t)
	broken := errors.New("the server does not come back")
	plan := Plan{Phases: []PhasePlan{warmPhase(t, 320), {Name: PhaseFirst, Restarts: 2, Users: 2, Target: time.Second}}}
	r, err := testRun(t, s, plan, testUsers(3), func(c *Config) {
		c.Restart = func(context.Context) error { return broken }
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if len(r.Phases) != 2 || r.Phases[0].Verdict != Pass || r.Phases[1].Verdict != Inconclusive {
		t.Errorf("phases %+v", r.Phases)
	}
}

// A first request of a user whom the server knows proves nothing: another one asks after one more restart, as
// long as there are users to spare.
func TestKnownUsersAreNoFirst(t *testing.T) {
	for _, c := range []struct {
		name            string
		users, restarts int
		target          time.Duration
		verdict         Verdict
		apart           int
	}{
		{"users to spare", 6, 5, 10 * time.Second, Pass, 2},
		{"one to spare", 4, 4, 10 * time.Second, Inconclusive, 1},
		{"none to spare", 3, 3, 10 * time.Second, Inconclusive, 0},
		{"known and too slow", 6, 3, time.Nanosecond, Fail, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStandIn(t)
			users := testUsers(c.users)
			s.seen[users[0].Token.Reveal()], s.seen[users[2].Token.Reveal()] = 1, 1
			plan := Plan{Phases: []PhasePlan{{Name: PhaseFirst, Restarts: 3, Users: 3, Target: c.target}}}
			r, err := testRun(t, s, plan, users, nil)
			if err != nil {
				t.Fatal(err)
			}
			p := r.Phases[0]
			apart := 0
			for _, n := range p.Apart {
				apart += n
			}
			if r.Verdict != c.verdict || apart != c.apart || s.restarts != c.restarts || p.Requests != c.restarts-c.apart {
				t.Errorf("verdict %s because of %q, %d apart, %d restarts, %d requests", r.Verdict, r.Reasons, apart, s.restarts, p.Requests)
			}
		})
	}
}

// Users are to spare for phase first although a phase comes after it whose users are its own.
func TestFirstHasSpareUsersBeforeAnEvening(t *testing.T) {
	s := newStandIn(t)
	users := testUsers(5)
	s.seen[users[0].Token.Reveal()] = 1
	evening := PhasePlan{Name: PhaseEvening, Schedule: schedule(t, 400, time.Second), Target: 10 * time.Second}
	evening.Shots = func(uint64) Shot { return Shot{Route: "task_board", Path: "/api/tasks/", User: users[4]} }
	plan := Plan{Phases: []PhasePlan{{Name: PhaseFirst, Restarts: 3, Users: 3, Target: 10 * time.Second}, evening}}
	r, err := testRun(t, s, plan, users, nil)
	if err != nil {
		t.Fatal(err)
	}
	if first := r.Phases[0]; len(r.Phases) != 2 || first.Verdict != Pass || first.Requests != 3 || s.restarts != 4 || r.Phases[1].Requests != 400 {
		t.Errorf("first: %s because of %q, %d restarts; %+v", first.Verdict, first.Reasons, s.restarts, r.Phases)
	}
}

func TestOneSlowFirstRequestFailsTheClaim(t *testing.T) {
	if v, _ := judgeFirst(20, 19, 20, map[State]int{Cold: 20}); v != Fail {
		t.Errorf("19 of 20: %s", v)
	}
	if v, _ := judgeFirst(20, 20, 20, map[State]int{Cold: 20}); v != Pass {
		t.Errorf("20 of 20: %s", v)
	}
	for state, want := range map[State]string{Warm: "1 of 20 first requests were of users that the server knew", NotStated: "1 replies have no Cache-Status"} {
		if v, why := judgeFirst(20, 20, 20, map[State]int{Cold: 19, state: 1}); v != Inconclusive || !strings.Contains(why[0], want) {
			t.Errorf("one of them %s: %s because of %q", state, v, why)
		}
	}
	if v, _ := judgeFirst(12, 12, 20, map[State]int{Cold: 12}); v != Inconclusive {
		t.Errorf("12 of 12 of 20: %s", v)
	}
}

func TestNoTokenInAnyOutput(t *testing.T) {
	s := newStandIn(t)
	s.status = func(int) int { return http.StatusForbidden }
	r, err := testRun(t, s, Plan{Phases: []PhasePlan{coldPhase(t, 320)}}, testUsers(320), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range render(t, r) {
		if strings.Contains(text, "secret-token") {
			t.Errorf("%s shows a token", name)
		}
	}
}
