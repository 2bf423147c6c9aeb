package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestHEAD: every path that answers GET answers HEAD with the same status and headers, and no body.
func TestHEAD(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	ids := strings.NewReplacer("/residences/{id}", fmt.Sprintf("/residences/%d", h.id), "/tasks/{id}", fmt.Sprintf("/tasks/%d", h.task))
	tried := 0
	for _, r := range Routes() {
		path := ids.Replace(r.Path)
		if r.Method != http.MethodGet || strings.Contains(path, "{") {
			continue
		}
		tried++
		get := p.get(path, h.owner.token)
		head := p.send(request{http.MethodHead, path, h.owner.token, ""})
		if head.status != get.status || len(head.body) != 0 || len(get.body) == 0 {
			t.Errorf("HEAD %s: %d with %d bytes, GET: %d with %d", path, head.status, len(head.body), get.status, len(get.body))
		}
		for _, name := range []string{"Content-Type", "Etag", "Cache-Control", "Vary"} {
			if head.header.Get(name) != get.header.Get(name) {
				t.Errorf("HEAD %s: %s is %q, GET: %q", path, name, head.header.Get(name), get.header.Get(name))
			}
		}
		if turns := head.header.Get("X-Db-Turns"); turns != "0" && turns != "1" {
			t.Errorf("HEAD %s took %s turns", path, turns)
		}
	}
	if tried < 12 {
		t.Errorf("%d routes were tried", tried)
	}
	if got := p.send(request{http.MethodHead, "/api/auth/login/", "", ""}); got.status != http.StatusMethodNotAllowed || strings.Contains(got.header.Get("Allow"), http.MethodHead) {
		t.Errorf("HEAD of a path that takes POST alone: %d, Allow: %s", got.status, got.header.Get("Allow"))
	}
	if got := p.send(request{http.MethodPut, "/api/tasks/", h.owner.token, ""}); !strings.Contains(got.header.Get("Allow"), http.MethodHead) {
		t.Errorf("PUT of a path that takes GET: Allow: %s", got.header.Get("Allow"))
	}
	if p.metric("honeydue_http_request_duration_seconds", "route", "/livez", "method", http.MethodHead, "status", "200") == 0 { // a sum of seconds
		t.Error("HEAD of /livez is not counted as such")
	}
}
