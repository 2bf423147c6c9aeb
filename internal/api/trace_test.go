package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
	"github.com/honeydue/honeydue/internal/telemetry"
	"github.com/honeydue/honeydue/internal/telemetry/telemetrytest"
)

// TestOneTreePerRequest: the request's span is the root (or the caller's
// child), and what it asked of Postgres and Redis hangs below it, the auth
// look-up included (S9); each SQL span carries its turns.
func TestOneTreePerRequest(t *testing.T) {
	receiver := telemetrytest.Start(t)
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{TracesURL: receiver.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(t.Context()) })
	env := labtest.Database(t, store.Migrate)
	p := newPod(t, env, func(c *Config) { c.Tracer, c.Propagator = tel.Tracers, tel.Propagator })
	s := newStage(t, env)
	h := s.home()

	hr, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/tasks/", nil)
	must(t, hr, err)
	hr.Header.Set("Authorization", "Token "+h.owner.token)
	hr.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	res, err := http.DefaultTransport.RoundTrip(hr)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(res.Header.Get("Traceparent"), "-")
	if len(parts) != 4 || parts[1] != "0af7651916cd43dd8448eb211c80319c" {
		t.Fatalf("the reply's Traceparent %q does not go on with the caller's", res.Header.Get("Traceparent"))
	}
	spans := receiver.Trace(parts[1])
	byID := map[string]telemetrytest.Span{}
	for _, s := range spans {
		byID[s.SpanID] = s
	}
	root, ok := byID[parts[2]]
	if !ok || root.Kind != "SERVER" || root.ParentID != "b7ad6b7169203331" || root.Name != "GET /api/tasks/" {
		t.Fatalf("the request's span is %+v", root)
	}
	sql, redis, turns := 0, 0, ""
	for _, s := range spans {
		if s.SpanID == root.SpanID {
			continue
		}
		top := s
		for top.SpanID != root.SpanID {
			parent, ok := byID[top.ParentID]
			if !ok {
				t.Fatalf("the span %s is not below the request's", s.Name)
			}
			top = parent
		}
		switch {
		case s.Name == "auth_lookup" || s.Name == "task_board":
			sql++
			turns += s.Attributes["db.turns"]
		case strings.HasPrefix(s.Name, "evalsha"):
			redis++
		}
		for name, value := range s.Attributes {
			if strings.Contains(value, h.owner.token) || strings.Contains(value, "SELECT") || strings.Contains(value, "token:") {
				t.Errorf("the span %s shows %s = %s", s.Name, name, value)
			}
		}
	}
	if strings.Count(turns, "1") != 1 || strings.Count(turns, "0") != 1 {
		t.Errorf("the two statements' spans have the turns %q; want 1 for the pipelined pair", turns)
	}
	if sql != 2 || redis == 0 {
		t.Errorf("%d SQL and %d Redis spans below the request's, want 2 and some: %+v", sql, redis, spans)
	}
}

// TestTheLogNamesTheTrace: what a person quotes from the reply is found there.
func TestTheLogNamesTheTrace(t *testing.T) {
	log := &syncBuffer{}
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{LogWriter: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(t.Context()) })
	env := labtest.Database(t, store.Migrate)
	p := newPod(t, env, func(c *Config) { c.Tracer, c.Log = tel.Tracers, tel.Log })
	ada := newStage(t, env).person("Ada")
	p.warm(ada)
	p.server.db = nil
	problem := isProblem(t, p.get(uncached("/api/tasks/"), ada.token), http.StatusInternalServerError, codeInternal)
	if !strings.Contains(log.String(), "trace_id="+problem.TraceID) {
		t.Errorf("the log has no trace_id=%s:\n%s", problem.TraceID, log)
	}
}

// TestTextThatIsNotUTF8LosesNoSpans: a client's bytes reach the attributes of
// the request's span, and the encoding of OTLP refuses a whole batch for one of them.
func TestTextThatIsNotUTF8LosesNoSpans(t *testing.T) {
	receiver := telemetrytest.Start(t)
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{TracesURL: receiver.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(t.Context()) })
	env := labtest.Database(t, store.Migrate)
	p := newPod(t, env, func(c *Config) { c.Tracer, c.Propagator = tel.Tracers, tel.Propagator })
	names := map[string]string{
		"00000000000000000000000000000001": "plain", "00000000000000000000000000000002": "caf\xe9",
	}
	for trace, agent := range names {
		hr, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/tasks/?days=%ff", nil)
		must(t, hr, err)
		hr.Header.Set("User-Agent", agent)
		hr.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
		res, err := http.DefaultTransport.RoundTrip(hr)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for trace, agent := range names {
		spans := receiver.Trace(trace)
		if len(spans) == 0 {
			t.Errorf("no span of the request of %q arrived", agent)
			continue
		}
		if got, want := spans[len(spans)-1].Attributes["user_agent.original"], strings.ToValidUTF8(agent, "\uFFFD"); got != want {
			t.Errorf("user_agent.original %q, want %q", got, want)
		}
	}
}
