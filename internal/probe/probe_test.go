package probe_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// unknownInTheLab are the checks that can't be judged on a healthy lab, each with the reason.
func unknownInTheLab() map[string]string {
	return map[string]string{
		"HD-R07": "Redis's latency monitor is off by default, and the probe changes no setting",
	}
}

func TestHealthyLab(t *testing.T) {
	r := undisturbed(t, config(labtest.Database(t, prepare)), healthy)
	for _, f := range r.Findings {
		if f.Severity != facts.Info {
			t.Errorf("on a healthy lab it finds %+v", f)
		}
	}
	for _, c := range r.Checks {
		if unknown := unknownInTheLab()[c.Code] != ""; (c.Status == facts.Unknown) != unknown || c.Status == facts.Fail || c.Why == "" {
			t.Errorf("on a healthy lab %s is %s: %q", c.Code, c.Status, c.Why)
		}
	}
	contains(t, r.Verdict, "Nothing wrong was found")
	if want := 15; len(r.HotPaths) != want {
		t.Fatalf("%d hot paths, want 5 statements for 3 users", len(r.HotPaths))
	}
	floor := r.Endpoints[0].FloorMS
	for _, h := range r.HotPaths {
		name := h.Name + " for the " + h.Subject + " user"
		if diff := h.NetworkMS - floor; diff > 0.005 || diff < -0.005 {
			t.Errorf("%s: its one turn is %v ms, and the floor is shown as %v ms", name, h.NetworkMS, floor)
		}
		if h.Turns != 1 || h.Runs == 0 || h.Error != "" {
			t.Errorf("%s takes %d turns in %d runs: %s", name, h.Turns, h.Runs, h.Error)
		}
		if h.Plan == nil || h.GenericPlan == nil || h.Plan.ExecutionMS == 0 || h.GenericPlan.Root.Type == "" {
			t.Errorf("%s lacks a plan", name)
		}
		sum := h.NetworkMS + h.PlanningMS + h.ExecutionMS + h.ResidualMS
		if diff := sum - h.WallMS; diff > 0.005 || diff < -0.005 {
			t.Errorf("%s: the terms add up to %v, the wall is %v", name, sum, h.WallMS)
		}
	}
	if r.Cost.DBTurns == 0 || r.Cost.Connects == 0 || r.Cost.DBMS == 0 || r.Cost.RedisTurns == 0 || r.Cost.Rows == 0 {
		t.Errorf("the probe's own cost is not told: %+v", r.Cost)
	}
}

// TestWaterfallTurns holds the figures that the documentation quotes.
func TestWaterfallTurns(t *testing.T) {
	env := labtest.Database(t, nil)
	env.DatabaseURL, _ = labtest.Link(t, env.DatabaseURL, link.Model{RTT: 20 * time.Millisecond})
	r := run(t, config(env))
	names := func(e facts.Endpoint) (out []string) {
		for _, p := range e.Phases {
			out = append(out, p.Name)
		}
		return out
	}
	want := []struct {
		name   string
		phases []string
	}{
		{"pooler", []string{"tcp", "ssl_request", "tls", "startup", "sasl_first", "sasl_final"}},
		{"direct", []string{"tcp", "ssl_request", "tls", "startup", "sasl_first", "sasl_final"}},
		{"redis", []string{"tcp", "hello", "select", "ping"}},
	}
	if len(r.Endpoints) != len(want) {
		t.Fatalf("%d endpoints, want %d", len(r.Endpoints), len(want))
	}
	for i, w := range want {
		e := r.Endpoints[i]
		if e.Name != w.name || !slices.Equal(names(e), w.phases) {
			t.Errorf("endpoint %s has the phases %v, want %s with %v", e.Name, names(e), w.name, w.phases)
		}
		turns := int64(len(w.phases))
		if e.TLS != nil && e.TLS.HelloRetry {
			turns++
		}
		if e.ConnectTurns != turns {
			t.Errorf("%s takes %d turns to connect, want %d: %+v", e.Name, e.ConnectTurns, turns, e.Phases)
		}
		var sum float64
		for _, p := range e.Phases {
			sum += p.MS
		}
		if e.FloorMS <= 0 || e.ConnectMS < sum-0.01 || e.ConnectMS > sum+0.01 {
			t.Errorf("%s: floor %v, connecting %v, sum of the phases %v", e.Name, e.FloorMS, e.ConnectMS, sum)
		}
	}
	pooler, direct := r.Endpoints[0], r.Endpoints[1]
	if pooler.TLS == nil || pooler.TLS.HelloRetry || pooler.ConnectTurns != 6 {
		t.Errorf("the pooler takes %d turns with %+v, want 6 without HelloRetryRequest", pooler.ConnectTurns, pooler.TLS)
	}
	if direct.TLS == nil || direct.TLS.Version != "TLS 1.3" || direct.TLS.Curve == "" || direct.TLS.NotAfter.IsZero() {
		t.Errorf("the direct endpoint's TLS is not told: %+v", direct.TLS)
	}
	if !pooler.ProxyBetween || direct.ProxyBetween {
		t.Errorf("a proxy in between: pooler %v (it is behind a link), direct %v", pooler.ProxyBetween, direct.ProxyBetween)
	}
}

// TestTurnsAgreeWithAnOutsideProxy compares the probe's own bill with what a counting proxy sees.
func TestTurnsAgreeWithAnOutsideProxy(t *testing.T) {
	env := labtest.Database(t, prepare)
	var pooler, direct *link.Proxy
	env.DatabaseURL, pooler = labtest.Link(t, env.DatabaseURL, link.Model{})
	env.DirectURL, direct = labtest.Link(t, env.DirectURL, link.Model{})
	env.AdminURL = ""
	r := run(t, config(env))
	p, d := pooler.Counts(), direct.Counts()
	if dials := p.Dials + d.Dials; int64(r.Cost.Connects) != dials {
		t.Errorf("it says %d connections, the proxies saw %d", r.Cost.Connects, dials)
	}
	// The probe counts each TCP handshake as a turn; a proxy does not see it as one. It does see the TLS
	// alert that answers the end of a connection, for which nobody waits.
	if extra := p.Turns + d.Turns + p.Dials + d.Dials - r.Cost.DBTurns; extra < 0 || extra > p.Dials+d.Dials {
		t.Errorf("it says %d turns, the proxies saw %d more", r.Cost.DBTurns, extra)
	}
}

// TestRedisDownIsPriced: a finding about Redis costs at least the turn to the database that it adds.
func TestRedisDownIsPriced(t *testing.T) {
	env, _ := labtest.Pooler(t, labtest.Database(t, nil), link.Model{RTT: 20 * time.Millisecond})
	c := config(env)
	c.RedisURL = "redis://127.0.0.1:1/0"
	c.Only = []string{"HD-R01"}
	if f := first(t, run(t, c), "HD-R01"); f.CostMS < 20 {
		t.Errorf("it costs a request %v ms, and a turn takes 20 or more", f.CostMS)
	}
}

func TestNoAnalyzeRunsNothing(t *testing.T) {
	c := config(labtest.Database(t, prepare))
	c.NoAnalyze = true
	r := run(t, c)
	if r.Cost.DBMS != 0 {
		t.Errorf("it spent %v ms under ANALYZE", r.Cost.DBMS)
	}
	for _, h := range r.HotPaths {
		if h.Runs != 0 || h.Plan == nil || h.Plan.ExecutionMS != 0 || h.S14.Status != facts.Unknown {
			t.Errorf("%s for the %s user was run, or has no estimate: %+v", h.Name, h.Subject, h)
		}
	}
	for _, code := range []string{"HD-Q04", "HD-Q05", "HD-P04"} {
		if got := checkOf(t, r, code); got.Status != facts.Unknown {
			t.Errorf("%s is %s without a run", code, got.Status)
		}
	}
}

// TestTimeRunsOut: what the probe had no time for is unknown, and nobody's fault.
func TestTimeRunsOut(t *testing.T) {
	env := labtest.Database(t, prepare)
	env.DatabaseURL, _ = labtest.Link(t, env.DatabaseURL, link.Model{RTT: 60 * time.Millisecond})
	env.DirectURL, _ = labtest.Link(t, env.DirectURL, link.Model{RTT: 60 * time.Millisecond})
	for _, timeout := range []time.Duration{200 * time.Millisecond, 800 * time.Millisecond, 3 * time.Second} {
		t.Run(timeout.String(), func(t *testing.T) {
			c := config(env)
			c.Timeout = timeout
			r := run(t, c)
			for _, f := range r.Findings {
				if f.Severity != facts.Info {
					t.Errorf("it blames %+v", f)
				}
			}
			unknown := 0
			for _, c := range r.Checks {
				if c.Status == facts.Unknown {
					unknown++
				}
			}
			if unknown == 0 {
				t.Error("it had time for everything, or calls what it did not measure a pass")
			}
			contains(t, r.Verdict, "could not be measured")
			if early := timeout < time.Second; early && (!r.Inconclusive() || len(r.Unjudged) == 0) {
				t.Errorf("it is conclusive without %v: %s", r.Unjudged, r.Verdict)
			}
		})
	}
}

func TestNothingConfigured(t *testing.T) {
	if _, err := probe.Run(t.Context(), facts.Config{}); !errors.Is(err, facts.ErrNothing) {
		t.Errorf("the error is %v, want ErrNothing", err)
	}
}

// TestProgressCounts: as many steps are told as the bar counts to.
func TestProgressCounts(t *testing.T) {
	steps := 0
	run(t, facts.Config{RedisURL: labtest.Lab(t).Env().RedisURL, Only: []string{"HD-R01"}, Progress: func(string) { steps++ }})
	if steps != probe.Steps {
		t.Errorf("%d steps were told, want %d", steps, probe.Steps)
	}
}
