package probe_test

import (
	"fmt"
	"net/http"
	"slices"
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
	// On a busy machine a probe may run out of its own time, and a server that eats it does so each time.
	r := undisturbed(t, c, func(r facts.Result) bool { return foundFirst("HD-Q01")(r) && len(eaten(r)) == 0 })
	first(t, r, "HD-Q01")
	for _, what := range eaten(r) {
		t.Error(what)
	}
	for _, read := range r.Target.Reads {
		if slow := read.WallMS >= 2600; slow != (read.Route == "task_board") {
			t.Errorf("%s takes %v ms", read.Route, read.WallMS)
		}
	}
	if limit := float64(c.Timeout.Milliseconds()); r.DurationMS > limit {
		t.Errorf("it took %v ms, and was given %v", r.DurationMS, limit)
	}
}

// eaten lists what a probe of a server with five reads had no time to measure.
func eaten(r facts.Result) (out []string) {
	if len(r.HotPaths) != 15 {
		out = append(out, fmt.Sprintf("%d hot paths were measured, want 15", len(r.HotPaths)))
	}
	for _, h := range r.HotPaths {
		if h.Plan == nil || h.Runs == 0 {
			out = append(out, fmt.Sprintf("%s for the %s user was not explained, or not run", h.Name, h.Subject))
		}
	}
	for _, code := range []string{"HD-Q05", "HD-D04", "HD-P04"} {
		at := slices.IndexFunc(r.Checks, func(c facts.CheckResult) bool { return c.Code == code })
		if at < 0 || r.Checks[at].Status == facts.Unknown {
			out = append(out, code+" is unknown or missing")
		}
	}
	if len(r.Target.Reads) != 5 || r.Target.Metrics == nil {
		out = append(out, fmt.Sprintf("the reads are %+v, want 5; the metrics %+v", r.Target.Reads, r.Target.Metrics))
	}
	for _, read := range r.Target.Reads {
		if read.Runs == 0 || read.Error != "" {
			out = append(out, fmt.Sprintf("%+v was not timed", read))
		}
	}
	return out
}
