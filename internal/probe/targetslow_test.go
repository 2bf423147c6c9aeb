package probe_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestASlowServerEatsNoTime: a server whose board takes 2.6 s has every read timed, and the database behind it is
// judged as if nobody had asked the server.
func TestASlowServerEatsNoTime(t *testing.T) {
	env := labtest.Database(t, prepare)
	s := serve(t, env, serverOptions{})
	// The server's seed replaces the data and not the schema.
	exec(t, env, "DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx; ANALYZE")
	c := config(env)
	c.Token, c.MetricsURL, c.Timeout = s.token, s.metrics, 10*time.Second
	c.TargetURL = listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/tasks/" && r.URL.RawQuery == "" {
			time.Sleep(2600 * time.Millisecond)
		}
		s.api.ServeHTTP(w, r)
	}))
	r := undisturbed(t, c, foundFirst("HD-Q01"))
	first(t, r, "HD-Q01")
	if len(r.HotPaths) != 15 {
		t.Fatalf("%d hot paths were measured, want 15", len(r.HotPaths))
	}
	for _, h := range r.HotPaths {
		if h.Plan == nil || h.Runs == 0 {
			t.Errorf("%s for the %s user was not explained, or not run", h.Name, h.Subject)
		}
	}
	for _, code := range []string{"HD-Q05", "HD-D04", "HD-P04"} {
		if got := checkOf(t, r, code); got.Status == facts.Unknown {
			t.Errorf("%s is unknown: %s", code, got.Why)
		}
	}
	if len(r.Target.Reads) != 5 || r.Target.Metrics == nil {
		t.Fatalf("the reads are %+v, want 5; the metrics %+v", r.Target.Reads, r.Target.Metrics)
	}
	for _, read := range r.Target.Reads {
		if read.Runs == 0 || read.Error != "" {
			t.Errorf("%+v was not timed", read)
		}
		if slow := read.WallMS >= 2600; slow != (read.Route == "task_board") {
			t.Errorf("%s takes %v ms", read.Route, read.WallMS)
		}
	}
	if limit := float64(c.Timeout.Milliseconds()); r.DurationMS > limit {
		t.Errorf("it took %v ms, and was given %v", r.DurationMS, limit)
	}
}
