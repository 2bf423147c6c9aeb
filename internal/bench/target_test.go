package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/api"
)

// standIn is a server that keeps a token cache and says so, as honeydue does:
// the first request of a user is cold. It answers each route after a set delay.
type standIn struct {
	*httptest.Server
	mu       sync.Mutex
	seen     map[string]int // requests by token
	paths    map[string]int
	traces   map[string]int
	restarts int
	// delay of a request, by its number among all; nil = none
	delay func(n int) time.Duration
	// status of a request; nil = 200
	status func(n int) int
	forget bool // cache nothing
	// turnsCold: a request that misses although its user is known, by its number; nil = none
	turnsCold func(n int) bool
	silent    bool // say nothing about caches and turns
	handled   int
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{seen: make(map[string]int), paths: make(map[string]int), traces: make(map[string]int)}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) base(t *testing.T) *url.URL {
	t.Helper()
	u, err := ParseTarget(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (s *standIn) answer(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Token ")
	s.mu.Lock()
	n := s.handled
	s.handled++
	known := s.seen[token] > 0 && !s.forget && (s.turnsCold == nil || !s.turnsCold(n))
	s.seen[token]++
	s.paths[r.URL.RequestURI()]++
	s.traces[r.Header.Get("Traceparent")]++
	s.mu.Unlock()
	if s.delay != nil {
		time.Sleep(s.delay(n))
	}
	if !s.silent {
		if known {
			w.Header().Set("Cache-Status", "token; hit, user; hit, residence-ids; hit")
			w.Header().Set("X-DB-Turns", "1")
		} else {
			w.Header().Set("Cache-Status", "token; fwd=miss, user; fwd=miss, residence-ids; fwd=miss")
			w.Header().Set("X-DB-Turns", "2")
		}
		w.Header().Set("Server-Timing", `acquire;dur=0.010, db;dur=0.200;desc="1 turn", redis;dur=0.100, app;dur=0.050`)
	}
	if s.status != nil {
		w.WriteHeader(s.status(n))
	}
	fmt.Fprint(w, `{"items":[]}`)
}

func testUsers(n int) []User {
	users := make([]User, n)
	for i := range users {
		users[i] = User{ID: int64(i + 1), Token: NewToken(fmt.Sprintf("secret-token-%d", i+1))}
	}
	return users
}

func testMix(t *testing.T) Mix {
	t.Helper()
	m, err := NewMix(MixRoute{ID: "task_board", Path: "/api/tasks/", Weight: 3}, MixRoute{ID: "contractor_list", Path: "/api/contractors/?limit=50", Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func schedule(t *testing.T, rate float64, over time.Duration) Schedule {
	t.Helper()
	s, err := Constant(rate, over)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseTarget(t *testing.T) {
	for raw, ok := range map[string]bool{
		"http://127.0.0.1:8080":           true,
		"https://api.example.com/v2":      true,
		"127.0.0.1:8080":                  false,
		"ftp://127.0.0.1":                 false,
		"http://":                         false,
		"http://user:hunter2@127.0.0.1":   false,
		"http://127.0.0.1/?a=b":           false,
		"http://user:hunter2@ho st:x:y%z": false,
	} {
		_, err := ParseTarget(raw)
		if (err == nil) != ok {
			t.Errorf("ParseTarget(%q) = %v", raw, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestOnlyThisMachineUnlessNamed(t *testing.T) {
	for raw, want := range map[string]bool{
		"http://127.0.0.1:1": true, "http://127.8.9.1": true, "http://[::1]:80": true, "http://localhost": true,
		"http://staging.example.com": true, "https://STAGING.example.com:8443": true,
		"http://localhost.example.com": false, "http://10.0.0.1": false, "http://example.com": false,
	} {
		u, err := ParseTarget(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := Allowed(u, []string{"staging.example.com"}); (err == nil) != want {
			t.Errorf("Allowed(%q) = %v", raw, err)
		}
	}
}

func TestLogin(t *testing.T) {
	var got map[string]string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v2/api/auth/login/" || json.NewDecoder(r.Body).Decode(&got) != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if got["password"] != "hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"title":"wrong"}`)
			return
		}
		fmt.Fprint(w, `{"token":"t0k3n","user":{"id":7}}`)
	}))
	t.Cleanup(server.Close)
	base, err := ParseTarget(server.URL + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	h := newHitter(t, HitterConfig{Base: base})
	user, err := h.Login(t.Context(), "a@example.com", "hunter2")
	if err != nil || user.ID != 7 || user.Token.secret != "t0k3n" || strings.Contains(fmt.Sprintf("%v %+v %#v", user, user, user), "t0k3n") {
		t.Errorf("user %v, error %v", user, err)
	}
	_, err = h.Login(t.Context(), "a@example.com", "hunter3")
	if err == nil || !strings.Contains(err.Error(), "status 401") || strings.Contains(err.Error(), "hunter3") {
		t.Errorf("error %v", err)
	}
}

func TestAskReadsHowTheDatabaseIsReached(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		if err := json.NewEncoder(w).Encode(api.Readiness{ThroughPooler: true, Proof: "by its PID", Version: "1.2.3"}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	base, err := ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, ready, err := newHitter(t, HitterConfig{Base: base}).Ask(t.Context())
	if err != nil || ready || got.ThroughPooler == nil || !*got.ThroughPooler || got.PoolerProof != "by its PID" || got.Version != "1.2.3" {
		t.Errorf("%+v, ready %v, error %v", got, ready, err)
	}
}
