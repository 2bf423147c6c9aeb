package probe_test

import (
	"math"
	"testing"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestHealthyServer asks a server of the lab: nothing is wrong with it, each hot read is split without a remainder,
// and its turns are those of the route table.
func TestHealthyServer(t *testing.T) {
	env := labtest.Database(t, prepare)
	s := serve(t, env, serverOptions{})
	c := config(env)
	c.TargetURL, c.MetricsURL, c.Token = s.url, s.metrics, s.token
	c.Window = 3 * cache.SweepPeriod // in which the server reads the change log
	r := undisturbed(t, c, healthy)
	for _, f := range r.Findings {
		if f.Severity != facts.Info {
			t.Errorf("on a healthy server it finds %+v", f)
		}
	}
	for _, code := range []string{"HD-T01", "HD-T02", "HD-T03", "HD-T04", "HD-T05", "HD-T07", "HD-T08", "HD-T09", "HD-T10", "HD-T11", "HD-T12", "HD-T13", "HD-T14", "HD-T15", "HD-T17"} {
		if got := checkOf(t, r, code); got.Status != facts.Pass {
			t.Errorf("%s is %s: %s", code, got.Status, got.Why)
		}
	}
	turns := map[string]int64{"task_board": 0, "residence_list": 0, "contractor_list": 0, "document_list": 0, "task_board?archived=true": 1}
	if len(r.Target.Reads) != len(turns) {
		t.Fatalf("%d reads were timed, want %d", len(r.Target.Reads), len(turns))
	}
	for _, read := range r.Target.Reads {
		want, ok := turns[read.Route]
		if !ok || read.Turns == nil || *read.Turns != want || read.OverBudget != 0 || read.Runs != 4 || read.Status != 200 || !read.Explained {
			t.Errorf("%+v: want %d turns", read, want)
		}
		sum := read.ClientNetworkMS + read.IngressMS + read.AppMS + read.AcquireMS + read.TurnsMS + read.DBRestMS + read.RedisMS
		if math.Abs(sum-read.WallMS) > 0.01 {
			t.Errorf("%s: the terms add up to %v, the wall is %v", read.Route, sum, read.WallMS)
		}
	}
	if m := r.Target.Metrics; m == nil || m.Pool.Max != 4 || m.Pool.AcquiresDuring == 0 || len(m.Caches) == 0 {
		t.Errorf("the metrics are %+v", m)
	}
	if r.Target.RoundTripMS <= 0 || r.Target.LiveMS < r.Target.RoundTripMS/2 || r.Cost.TargetRequests == 0 {
		t.Errorf("the way is not measured: %+v", r.Target)
	}
}

// TestServerWithoutAToken tells what everyone may see, and calls the rest unknown.
func TestServerWithoutAToken(t *testing.T) {
	env := labtest.Database(t, prepare)
	s := serve(t, env, serverOptions{})
	c := config(env)
	c.TargetURL = s.url
	r := run(t, c)
	if len(r.Target.Reads) != 1 || r.Target.Reads[0].Authed || r.Target.Reads[0].Runs != 4 {
		t.Fatalf("the reads are %+v, want one without a token", r.Target.Reads)
	}
	for code, want := range map[string]facts.Status{
		"HD-T04": facts.Unknown, "HD-T05": facts.Unknown, "HD-T15": facts.Unknown,
		"HD-T09": facts.Pass, "HD-T12": facts.Pass, "HD-T14": facts.Pass,
	} {
		if got := checkOf(t, r, code); got.Status != want {
			t.Errorf("%s is %s, want %s: %s", code, got.Status, want, got.Why)
		}
	}
	for _, c := range r.Checks {
		if c.Code == "HD-T06" || c.Code == "HD-T07" {
			t.Errorf("%s is judged, and nobody named the metrics", c.Code)
		}
	}
	// A token that is not valid is nobody's outage.
	c.Token = canaryToken
	r = run(t, c)
	if got := checkOf(t, r, "HD-T12"); got.Status != facts.Unknown {
		t.Errorf("with a wrong token HD-T12 is %s: %s", got.Status, got.Why)
	}
}
