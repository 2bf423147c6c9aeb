package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// serving is `honeydue serve` within the test.
type serving struct {
	t              testing.TB
	stdout, stderr safeBuffer
	interrupt      context.CancelCauseFunc
	code           chan int
	url            string
}

var servesURL = regexp.MustCompile(`serves (http://\S+)`)

// startServe runs serve on free ports until the test ends, and waits until it says that it is ready.
func startServe(t testing.TB, environ []string, args ...string) *serving {
	t.Helper()
	s := &serving{t: t, code: make(chan int, 1)}
	ctx, interrupt := context.WithCancelCause(context.WithoutCancel(t.Context()))
	s.interrupt = interrupt
	args = append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"}, args...)
	go func() { s.code <- run(ctx, args, &s.stdout, &s.stderr, environ) }()
	t.Cleanup(func() { s.end() })
	for deadline := time.Now().Add(patience); s.url == ""; time.Sleep(10 * time.Millisecond) {
		if m := servesURL.FindStringSubmatch(s.stderr.String()); m != nil {
			s.url = m[1]
		}
		select {
		case code := <-s.code:
			s.code <- code
			t.Fatalf("serve ended with %d:\n%s", code, s.stderr.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("serve is not ready:\n%s", s.stderr.String())
		}
	}
	return s
}

// end interrupts serve and returns its exit code.
func (s *serving) end() int {
	s.interrupt(app.ErrInterrupted)
	code := <-s.code
	s.code <- code
	return code
}

func (s *serving) get(path, token string) (int, []byte) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, body
}

// TestServeWithoutADatabase: the replica, a schema, a household and a login, by one command. What it prints works.
func TestServeWithoutADatabase(t *testing.T) {
	dir, err := labtest.Dir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	environ := []string{"HONEYDUE_BIN_DIRS=" + os.Getenv("HONEYDUE_BIN_DIRS"), "PATH=" + os.Getenv("PATH")}
	s := startServe(t, environ, "--data", dir)
	for deadline := time.Now().Add(patience); !strings.Contains(s.stdout.String(), "curl -i"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no curl line:\n%s", s.stdout.String())
		}
	}
	printed := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + `\s+(\S+)$`).FindStringSubmatch(s.stdout.String())
		if m == nil {
			t.Fatalf("no %s in:\n%s", name, s.stdout.String())
		}
		return m[1]
	}
	login, err := json.Marshal(api.Login{Email: printed("E-mail"), Password: printed("Password")})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(printed("URL")+"/api/auth/login/", "application/json", strings.NewReader(string(login)))
	if err != nil {
		t.Fatal(err)
	}
	var who api.Authentication
	err = json.NewDecoder(res.Body).Decode(&who)
	res.Body.Close()
	if err != nil || who.Token == "" {
		t.Fatalf("the printed login does not work: %d, %v", res.StatusCode, err)
	}
	status, body := s.get("/api/tasks/", who.Token)
	var board household.Board
	if err := json.Unmarshal(body, &board); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	for _, c := range board.Columns {
		if c.Count == 0 {
			t.Errorf("the demo household has nothing in %s", c.Name)
		}
	}
	if code := s.end(); code != exit.OK {
		t.Errorf("it ended with %d:\n%s", code, s.stderr.String())
	}
}

// TestServeDrains: from the signal on /readyz says no, what still comes is served for the delay, what is under way
// is finished, and then nothing listens.
func TestServeDrains(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	env, pooler := labtest.Pooler(t, env, link.Model{})
	s := startServe(t, []string{"DATABASE_URL=" + env.DatabaseURL, "REDIS_URL=" + env.RedisURL}, "--drain-delay", "3s", "--drain-timeout", "1m")
	if status, _ := s.get("/readyz", ""); status != http.StatusOK {
		t.Fatalf("/readyz: %d", status)
	}
	// A look-up that takes four seconds is under way when the signal comes.
	if err := pooler.SetModel(link.Model{RTT: 4 * time.Second}); err != nil {
		t.Fatal(err)
	}
	turns := pooler.Counts().BytesToServer
	var slow sync.WaitGroup
	slow.Go(func() {
		if status, body := s.get("/api/tasks/", "unknown"); status != http.StatusUnauthorized {
			t.Errorf("the request under way got %d %s", status, body)
		}
	})
	for pooler.Counts().BytesToServer == turns {
		time.Sleep(5 * time.Millisecond)
	}
	s.interrupt(app.ErrInterrupted)
	refused, served := false, false
	for !refused {
		status, body := s.get("/readyz", "")
		var r api.Readiness
		switch {
		case status == 0:
			t.Fatal("it stopped to listen before /readyz said no")
		case json.Unmarshal(body, &r) == nil && status == http.StatusServiceUnavailable:
			refused = true
			if r.Ready || r.Reason != "draining" {
				t.Errorf("/readyz: %s", body)
			}
		}
		if status, _ := s.get("/api/static-data/", ""); status == http.StatusOK && refused {
			served = true
		}
	}
	if !served {
		t.Error("while draining nothing was served any more")
	}
	slow.Wait()
	if code := s.end(); code != exit.OK {
		t.Errorf("it ended with %d:\n%s", code, s.stderr.String())
	}
	if status, _ := s.get("/livez", ""); status != 0 {
		t.Errorf("it still listens: %d", status)
	}
}

// safeBuffer may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
