package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestAuthorizationMatrix sends each route's request as everyone who could
// send it. The table's Needs decides what each of them gets; a residence that
// one cannot see is 404 and never 403.
func TestAuthorizationMatrix(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	rank := map[Need]int{NeedToken: 0, NeedMember: 1, NeedAdmin: 2, NeedOwner: 3}
	actors := []struct {
		name string
		rank int
		of   func(home) string
	}{
		{"nobody", -2, func(home) string { return "" }},
		{"someone with a made-up token", -1, func(home) string { return newToken() }},
		{"a stranger", 0, func(h home) string { return h.stranger.token }},
		{"a member", 1, func(h home) string { return h.member.token }},
		{"an admin", 2, func(h home) string { return h.admin.token }},
		{"the owner", 3, func(h home) string { return h.owner.token }},
	}
	for _, r := range Routes() {
		for _, a := range actors {
			t.Run(r.ID+"/"+a.name, func(t *testing.T) {
				h, q := drive(t, s, r)
				q.token = a.of(h)
				status, code := r.Status, ""
				switch need := rank[r.Needs]; {
				case r.handler != nil:
					status = http.StatusOK
				case !r.Auth():
				case a.rank == -2:
					status, code = http.StatusUnauthorized, codeNotAuthenticated
				case a.rank == -1:
					status, code = http.StatusUnauthorized, codeInvalidToken
				case a.rank >= need:
				case a.rank == 0:
					status, code = http.StatusNotFound, codeNotFound
				default:
					status, code = http.StatusForbidden, codeForbidden
				}
				got := p.send(q)
				if code != "" {
					isProblem(t, got, status, code)
				} else if got.status != status {
					t.Errorf("got %s, want status %d", got, status)
				}
				wholesome(t, got)
				if status == http.StatusCreated && !strings.HasPrefix(got.header.Get("Location"), "/api/") {
					t.Errorf("201 with the Location %q", got.header.Get("Location"))
				}
				if status == http.StatusNoContent && len(got.body) > 0 {
					t.Errorf("204 with a body: %s", got.body)
				}
			})
		}
	}
	if p.log.String() != "" {
		t.Errorf("an ordinary refusal was logged:\n%s", p.log)
	}
}

var (
	traceparent  = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$`)
	serverTiming = regexp.MustCompile(`^acquire;dur=[0-9.]+, db;dur=[0-9.]+;desc="\d+ turns?",( pooler-wait;dur=[0-9.]+;desc="\d+ notices?",)? redis;dur=[0-9.]+;desc="\d+ trips?", app;dur=[0-9.]+$`)
	snakeCase    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// wholesome checks what every reply has, whatever it is.
func wholesome(t *testing.T, r reply) {
	t.Helper()
	if v := r.header.Get("Traceparent"); !traceparent.MatchString(v) {
		t.Errorf("Traceparent %q", v)
	}
	if v := r.header.Get("Server-Timing"); !serverTiming.MatchString(v) {
		t.Errorf("Server-Timing %q", v)
	}
	if v := r.header.Get("X-DB-Turns"); v == "" {
		t.Error("no X-DB-Turns")
	}
	if strings.Contains(r.header.Get("Content-Type"), "json") && !strings.Contains(string(r.body), `"openapi"`) {
		for _, name := range badNames(t, r.body) {
			t.Errorf("the field %s is not snake_case", name)
		}
	}
}

// badNames walks a JSON text and returns the names of members that are not snake_case.
func badNames(t *testing.T, body []byte) []string {
	t.Helper()
	var v any
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&v); err != nil {
		t.Errorf("%v in %s", err, body)
		return nil
	}
	var bad []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, e := range v {
				if !snakeCase.MatchString(name) {
					bad = append(bad, name)
				}
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(v)
	return bad
}

// isProblem checks every promise about an error's form.
func isProblem(t *testing.T, r reply, status int, code string) Problem {
	t.Helper()
	p := want[Problem](t, r, status)
	if ct := r.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type %q", ct)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(r.body, &members); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"type", "title", "status", "detail", "code", "errors", "trace_id"} {
		if _, ok := members[name]; !ok {
			t.Errorf("no %s in %s", name, r.body)
		}
	}
	if p.Code != code || p.Status != status || p.Type != "urn:honeydue:problem:"+code || p.Title == "" || p.Detail == "" {
		t.Errorf("got %s, want status %d and code %s", r, status, code)
	}
	if !strings.Contains(r.header.Get("Traceparent"), p.TraceID) || p.TraceID == "" {
		t.Errorf("trace_id %q, Traceparent %q", p.TraceID, r.header.Get("Traceparent"))
	}
	if status == http.StatusUnauthorized && r.header.Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
	wholesome(t, r)
	return p
}

// TestTokenSchemes: Token and Bearer, in any case.
func TestTokenSchemes(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	ada := s.person("Ada")
	for header, status := range map[string]int{
		"Token " + ada.token: 200, "Bearer " + ada.token: 200, "bearer " + ada.token: 200, "TOKEN  " + ada.token: 200,
		"Basic " + ada.token: 401, ada.token: 401, "Token": 401, "Token ": 401,
	} {
		hr, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/auth/me/", nil)
		must(t, hr, err)
		hr.Header.Set("Authorization", header)
		res, err := http.DefaultTransport.RoundTrip(hr)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%q: %d, want %d", header, res.StatusCode, status)
		}
	}
}

// TestTheLastSlashIsOptional: served, not redirected.
func TestTheLastSlashIsOptional(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	for _, r := range Routes() {
		if !strings.HasSuffix(r.Path, "/") {
			continue
		}
		_, q := drive(t, s, r)
		q.path = strings.TrimSuffix(q.path, "/")
		if got := p.send(q); got.status >= 300 {
			t.Errorf("%s: %s", r.ID, fmt.Sprint(got))
		}
	}
}
