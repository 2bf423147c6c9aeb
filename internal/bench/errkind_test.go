package bench

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Real failures of real connections, each of its kind.
func TestKinds(t *testing.T) {
	handler := func(h http.HandlerFunc) func(*testing.T) *url.URL {
		return func(t *testing.T) *url.URL {
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			return parsed(t, s.URL)
		}
	}
	status := func(code int) func(*testing.T) *url.URL {
		return handler(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
		})
	}
	tests := []struct {
		kind   Kind
		server func(*testing.T) *url.URL
	}{
		{KindNone, status(http.StatusOK)},
		{KindNone, status(http.StatusNoContent)},
		{"301", status(http.StatusMovedPermanently)},
		{"302", status(http.StatusFound)},
		{"404", status(http.StatusNotFound)},
		{"429", status(http.StatusTooManyRequests)},
		{"500", status(http.StatusInternalServerError)},
		{"502", status(http.StatusBadGateway)},
		{"503", status(http.StatusServiceUnavailable)},
		{"999", status(999)},
		{KindDNS, func(t *testing.T) *url.URL { return parsed(t, "http://no-such-host.invalid") }},
		{KindConnect, func(t *testing.T) *url.URL {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			return parsed(t, "http://"+l.Addr().String())
		}},
		{KindTLS, func(t *testing.T) *url.URL { // a certificate that nobody trusts
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the refusal
			s.StartTLS()
			t.Cleanup(s.Close)
			return parsed(t, s.URL)
		}},
		{KindReset, handler(func(w http.ResponseWriter, _ *http.Request) { hijack(w, nil) })},
		{KindBody, handler(func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, []byte("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"))
		})},
		{KindTimeoutHeader, handler(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })},
		{KindTimeoutBody, handler(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})},
		{KindTimeoutTLS, func(t *testing.T) *url.URL { // it accepts, and says nothing
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return parsed(t, "https://"+l.Addr().String())
		}},
		{KindTimeoutDial, fullBacklog},
		{"503:database_unavailable", handler(problem(http.StatusServiceUnavailable, `{"code":"database_unavailable"}`, false))},
		{"503:database_unavailable", handler(problem(http.StatusServiceUnavailable, `{"code":"database_unavailable"}`, true))},
		{"403:forbidden", handler(problem(http.StatusForbidden, `{"code":"forbidden"}`, false))},
		{"500", handler(problem(http.StatusInternalServerError, `{"code":"took 17 ms on port 4711"}`, false))},
		{"500", handler(problem(http.StatusInternalServerError, `{"code":`, false))},
		{KindNone, handler(body("application/json", `{"items":[]}`, false))},
		{KindNone, handler(body("application/json", ` [1,2] `, true))},
		{KindCheck, handler(body("application/json", `{"items":[}`, false))},
		{KindCheck, handler(body("application/json; charset=utf-8", `{"items":[}`, true))},
		{KindCheck, handler(body("application/json", ``, false))},
		{KindNone, handler(body("text/html", `<p>half`, false))},
	}
	for _, tc := range tests {
		h := newHitter(t, HitterConfig{Base: tc.server(t), Timeout: 300 * time.Millisecond})
		s := h.Once(t.Context(), Shot{Path: "/"})
		if s.Kind != tc.kind {
			t.Errorf("%s: kind %q, want %q", h.base, s.Kind, tc.kind)
		}
		if s.Kind != KindNone && s.Kind.Status() == 0 && !slices.Contains(Kinds(), s.Kind.Class()) {
			t.Errorf("kind %q is not listed", s.Kind)
		}
	}
}

// A page of an ingress with the status 200 is no answer to an action of a scenario. What a path of one's own answers in,
// nobody knows.
func TestAnActionIsAnsweredInJSON(t *testing.T) {
	scenario := Scenario{Steps: []ScenarioStep{{Do: "task_board"}, {Get: "/status"}}}
	for name, tc := range map[string]struct {
		answer      http.HandlerFunc
		action, get Kind
	}{
		"a maintenance page": {body("text/html", `<h1>We are back soon</h1>`, false), KindCheck, KindNone},
		"nothing":            {func(http.ResponseWriter, *http.Request) {}, KindCheck, KindNone},
		"no content":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, KindNone, KindNone},
		"a list":             {body("application/json; charset=utf-8", `{"items":[]}`, true), KindNone, KindNone},
		"a refusal":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "403", "403"},
	} {
		server := httptest.NewServer(tc.answer)
		t.Cleanup(server.Close)
		steps, w := scenario.compiled(), testWorld(1, 1, 1)
		for _, h := range []*Hitter{
			newHitter(t, HitterConfig{Base: parsed(t, server.URL)}),
			newHitter(t, HitterConfig{Base: parsed(t, server.URL), Transport: http.DefaultTransport}),
		} {
			if s := h.Once(t.Context(), w.shot(steps[0], 0, 0)); s.Kind != tc.action {
				t.Errorf("%s: an action is %q, want %q", name, s.Kind, tc.action)
			}
			if s := h.Once(t.Context(), w.shot(steps[1], 0, 0)); s.Kind != tc.get {
				t.Errorf("%s: a path of one's own is %q, want %q", name, s.Kind, tc.get)
			}
		}
	}
	if shots := testWorld(1, 1, 1).warmUps(scenario); !shots[0].JSON || shots[1].JSON {
		t.Errorf("the warm-up asks otherwise: %+v", shots)
	}
}

// fullBacklog is an address whose kernel answers no handshake any more: nobody
// accepts there, and its queue of one is full.
func fullBacklog(t *testing.T) *url.URL {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("127.0.0.1:%d", as[*syscall.SockaddrInet4](t, name).Port)
	for range 8 {
		conn, err := net.DialTimeout("tcp", at, 100*time.Millisecond)
		if err != nil {
			return parsed(t, "http://"+at)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the queue of one took eight connections")
	return nil
}

func problem(status int, text string, packed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Status", strconv.Itoa(status))
		body("application/problem+json", text, packed)(w, r)
	}
}

func body(media, text string, packed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		status, _ := strconv.Atoi(w.Header().Get("X-Status"))
		w.Header().Set("Content-Type", media)
		if !packed {
			w.WriteHeader(max(status, http.StatusOK))
			_, _ = io.WriteString(w, text)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(max(status, http.StatusOK))
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
	}
}

// A reply that is too long to be kept is looked at by its ends, which still finds what is no list.
func TestTheEndsOfABodyTell(t *testing.T) {
	for text, sound := range map[string]bool{
		`{"items":[]}`: true, "  [1]\n": true, `"text"`: true, `null`: true, `12`: true,
		`<html></html>`: false, `{"items":[`: false, `[{"a":1}`: false, ``: false, `   `: false, `}`: false,
	} {
		k := keeper{json: true}
		for i := range len(text) { // in the smallest parts
			k.keep([]byte(text[i : i+1]))
		}
		if k.soundEnds() != sound {
			t.Errorf("%q: sound = %v", text, !sound)
		}
		if len(k.body) != 0 {
			t.Error("nothing has to be kept to look at the ends")
		}
	}
}

// However many codes a server makes up, a phase tells a bounded number of kinds apart.
func TestKindsAreBounded(t *testing.T) {
	tally := newTally(AnyState, time.Second, time.Second)
	for i := range 500 {
		tally.observe(0, Sample{Kind: Kind("500").withCode(fmt.Sprintf("code_%d", i))})
	}
	if n := len(tally.kinds); n > maxKinds+1 || tally.kinds["500"] < 400 {
		t.Errorf("%d kinds, %d without a code", n, tally.kinds["500"])
	}
}

// A request that waits for one of few connections says so when its time is over.
func TestATimeOutInTheQueueSaysSo(t *testing.T) {
	release, taken := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(taken)
		<-release
	}))
	t.Cleanup(s.Close)
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), MaxConnections: 1, Timeout: 300 * time.Millisecond})
	holder := make(chan error, 1)
	go func() { // holds the only connection, without a time limit
		req, err := http.NewRequest(http.MethodGet, s.URL, nil)
		if err != nil {
			holder <- err
			return
		}
		reply, err := h.transport.RoundTrip(req)
		if err == nil {
			err = reply.Body.Close()
		}
		holder <- err
	}()
	<-taken
	if s := h.Once(t.Context(), Shot{Path: "/"}); s.Kind != KindTimeoutQueue || s.Service != 0 {
		t.Errorf("kind %q, service %v", s.Kind, s.Service)
	}
	close(release)
	if err := <-holder; err != nil {
		t.Error(err)
	}
}

// Only what is expected is a good answer.
func TestExpectedStatuses(t *testing.T) {
	for _, tc := range []struct {
		expect Statuses
		code   int
		want   Kind
	}{
		{nil, 204, KindNone},
		{nil, 304, KindNone},
		{nil, 301, "301"},
		{Statuses{301, 404}, 301, KindNone},
		{Statuses{301, 404}, 404, KindNone},
		{Statuses{301, 404}, 200, "200"},
		{Statuses{301, 404}, 503, "503"},
	} {
		if got := tc.expect.kindOf(tc.code); got != tc.want {
			t.Errorf("%d where %v is expected: %q, want %q", tc.code, tc.expect, got, tc.want)
		}
	}
}

// Each broken reply is counted, wherever in it the break is, and the same body is read only once.
func TestEveryBrokenReplyIsCounted(t *testing.T) {
	const n = 3000
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/same" {
			_, _ = io.WriteString(w, `{"items":[1,2,}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"items":[%s,}`, r.Header.Get("Traceparent")) // another one each time
	}))
	t.Cleanup(s.Close)
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL)})
	tally := newTally(AnyState, time.Second, time.Second)
	h.Attack(t.Context(), Attack{
		Schedule: schedule(t, 6000, n*time.Second/6000),
		Shots:    func(seq uint64) Shot { return Shot{Path: []string{"/same", "/other"}[seq%2]} },
		Observe:  func(s Sample) { tally.observe(0, s) },
	})
	if tally.all.requests != n || tally.kinds[KindCheck] != n {
		t.Errorf("%d broken replies of %d, want %d: %v", tally.kinds[KindCheck], tally.all.requests, n, tally.kinds)
	}
	if read := len(h.verdicts.json); read != n/2+1 {
		t.Errorf("%d bodies were read, want %d", read, n/2+1)
	}
}

// A reply over the limit is judged by its ends, and the report says how many were.
func TestRepliesTooLongToReadAreNamed(t *testing.T) {
	long := `["` + strings.Repeat("x", maxKept) + `"]`
	s := httptest.NewServer(body("application/json", long, false))
	t.Cleanup(s.Close)
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL)})
	tally := newTally(AnyState, time.Second, time.Second)
	for range 3 {
		tally.observe(0, h.Once(t.Context(), Shot{Path: "/"}))
	}
	r := &run{Config: Config{Hitter: h}}
	if p := r.figures(PhasePlan{}, tally, singles, time.Second); p.Errors != 0 || p.JSONByEnds != 3 {
		t.Errorf("%d errors, %d by their ends; want 0 and 3", p.Errors, p.JSONByEnds)
	}
}

func hijack(w http.ResponseWriter, reply []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = conn.Write(reply)
	_ = conn.Close()
}

func parsed(tb testing.TB, raw string) *url.URL {
	tb.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}
