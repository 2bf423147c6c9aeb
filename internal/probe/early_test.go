package probe_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// announced probes, and requires that the first finding was reported before the end.
func announced(t *testing.T, c facts.Config) facts.Result {
	t.Helper()
	var codes []string
	c.Certain = func(f facts.Finding) { codes = append(codes, f.Code) }
	r := run(t, c)
	if len(r.Findings) > 0 && !slices.Contains(codes, r.Findings[0].Code) {
		t.Errorf("%s was not reported before the end, only %v", r.Findings[0].Code, codes)
	}
	return r
}

// TestWhatIsCertainDoesNotWait: a running server that answers only when the first finding has been reported is not kept
// waiting for it until it counts as down.
func TestWhatIsCertainDoesNotWait(t *testing.T) {
	env := labtest.Database(t, prepare)
	for _, c := range []struct {
		code string
		down func(*facts.Config)
	}{
		{"HD-R01", func(c *facts.Config) { c.RedisURL = "redis://127.0.0.1:1/0" }},
		{"HD-P01", func(c *facts.Config) { c.URL = changed(t, c.URL, password(canaryPassword)) }},
		{"HD-D02", func(c *facts.Config) { c.DirectURL = changed(t, c.DirectURL, database("nowhere")) }},
	} {
		t.Run(c.code, func(t *testing.T) {
			reported := make(chan struct{})
			once := sync.OnceFunc(func() { close(reported) })
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-reported:
				case <-r.Context().Done():
				}
				w.WriteHeader(http.StatusNotFound)
			}))
			defer server.Close()
			probing := config(env)
			probing.TargetURL = server.URL
			c.down(&probing)
			var first string
			probing.Certain = func(f facts.Finding) {
				if first == "" {
					first = f.Code
				}
				once()
			}
			r := run(t, probing)
			if first != c.code {
				t.Errorf("the first that was reported is %q, want %s", first, c.code)
			}
			if got := checkOf(t, r, "HD-T01"); got.Status != facts.Pass {
				t.Errorf("the server answers as soon as %s has been reported, and it is %s: %s", c.code, got.Status, got.Why)
			}
		})
	}
}
