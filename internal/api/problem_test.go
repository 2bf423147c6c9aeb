package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// TestRefusals: what is wrong with a request, as a problem that names the
// field and repeats no value.
func TestRefusals(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	seeded, err := s.db.Register(t.Context(), store.NewUser{Email: "seeded@example.org", Name: "Seeded", PasswordHash: "!"}, cache.TokenHash(newToken()))
	must(t, seeded, err)
	const canary = "canary-value"
	me, tasks := h.owner.token, "/api/tasks/"
	tooLong := strings.Repeat("x", 201)
	cases := []struct {
		name   string
		q      request
		status int
		code   string
		field  string
	}{
		{"no such path", request{"GET", "/api/nothing/", me, ""}, 404, codeNoSuchRoute, ""},
		{"no such path outside of the API", request{"GET", "/", "", ""}, 404, codeNoSuchRoute, ""},
		{"another method", request{"PUT", tasks, me, ""}, 405, codeMethod, ""},
		{"a method of nobody's", request{"BREW", tasks, me, ""}, 405, codeMethod, ""},
		{"no body", request{"POST", tasks, me, ""}, 400, codeMalformed, ""},
		{"no JSON", request{"POST", tasks, me, "{" + canary}, 400, codeMalformed, ""},
		{"two values", request{"POST", tasks, me, `{} {}`}, 400, codeMalformed, ""},
		{"a list", request{"POST", tasks, me, `[]`}, 422, codeInvalid, "body"},
		{"a field missing", request{"POST", tasks, me, `{"title":"x"}`}, 422, codeInvalid, "body"},
		{"an unknown field", request{"POST", tasks, me, fmt.Sprintf(`{"residence_id":%d,"title":"x","color":"red"}`, h.id)}, 422, codeInvalid, "body.color"},
		{"a title too long", request{"POST", tasks, me, fmt.Sprintf(`{"residence_id":%d,"title":%q}`, h.id, tooLong)}, 422, codeInvalid, "body.title"},
		{"a date that is none", request{"POST", tasks, me, fmt.Sprintf(`{"residence_id":%d,"title":"x","due_date":"2026-02-30"}`, h.id)}, 422, codeInvalid, "body.due_date"},
		{"a category of nobody's", request{"POST", tasks, me, fmt.Sprintf(`{"residence_id":%d,"title":"x","category":"cars"}`, h.id)}, 422, codeInvalid, "body.category"},
		{"a frequency of nobody's", request{"POST", tasks, me, fmt.Sprintf(`{"residence_id":%d,"title":"x","frequency":"hourly"}`, h.id)}, 422, codeInvalid, "body.frequency"},
		{"U+0000", request{"POST", tasks, me, fmt.Sprintf(`{"residence_id":%d,"title":"a\u0000b"}`, h.id)}, 422, codeInvalid, "body.title"},
		{"a byte that is not UTF-8", request{"POST", tasks, me, fmt.Sprintf("{\"residence_id\":%d,\"title\":\"a\xff\"}", h.id)}, 400, codeMalformed, ""},
		{"nested too deep", request{"POST", tasks, me, strings.Repeat(`{"title":`, maxDepth+1) + "0" + strings.Repeat("}", maxDepth+1)}, 400, codeMalformed, ""},
		{"a date before the calendar", request{"POST", tasks, me, fmt.Sprintf(`{"residence_id":%d,"title":"x","due_date":"0000-01-01"}`, h.id)}, 422, codeInvalid, "body.due_date"},
		{"a date that is none in a change", request{"PATCH", fmt.Sprintf("%s%d/", tasks, h.task), me, `{"due_date":"canary"}`}, 422, codeInvalid, "body.due_date"},
		{"an id that is none", request{"GET", tasks + "x/", me, ""}, 422, codeInvalid, "path.id"},
		{"an id out of range", request{"GET", tasks + "99999999999999999999/", me, ""}, 422, codeInvalid, "path.id"},
		{"an id of nothing", request{"GET", tasks + "987654321/", me, ""}, 404, codeNotFound, ""},
		{"days out of range", request{"GET", tasks + "?days=-1", me, ""}, 422, codeInvalid, "query.days"},
		{"a cursor of nobody's", request{"GET", "/api/contractors/?cursor=!", me, ""}, 422, codeInvalid, "query.cursor"},
		{"a limit out of range", request{"GET", "/api/contractors/?limit=0", me, ""}, 422, codeInvalid, "query.limit"},
		{"a time zone of nobody's", request{"POST", "/api/residences/", me, `{"name":"x","time_zone":"Mars/Base"}`}, 422, codeInvalid, "body.time_zone"},
		{"a time zone of the machine's", request{"PATCH", homePath(h, ""), me, `{"time_zone":"Local"}`}, 422, codeInvalid, "body.time_zone"},
		{"a role that nobody is given", request{"PATCH", homePath(h, fmt.Sprintf("users/%d/", h.victim.ID)), me, `{"role":"owner"}`}, 422, codeInvalid, "body.role"},
		{"a share code of nobody's", request{"POST", "/api/residences/join-with-code/", me, `{"code":"NOPE2345"}`}, 404, codeNotFound, ""},
		{"an e-mail that is none", request{"POST", "/api/auth/register/", "", `{"email":"` + canary + `","password":"long enough","name":"x"}`}, 422, codeInvalid, "body.email"},
		{"a password too short", request{"POST", "/api/auth/register/", "", `{"email":"a@example.org","password":"canary","name":"x"}`}, 422, codeInvalid, "body.password"},
		{"an e-mail that is taken", request{"POST", "/api/auth/register/", "", fmt.Sprintf(`{"email":%q,"password":%q,"name":"x"}`, strings.ToUpper(h.owner.Email), password)}, 409, codeEmailTaken, ""},
		{"a wrong password", request{"POST", "/api/auth/login/", "", fmt.Sprintf(`{"email":%q,"password":"canary"}`, h.owner.Email)}, 401, codeWrongLogin, ""},
		{"a user without a password", request{"POST", "/api/auth/login/", "", `{"email":"seeded@example.org","password":"canary"}`}, 401, codeWrongLogin, ""},
		{"nobody's e-mail", request{"POST", "/api/auth/login/", "", `{"email":"canary@example.org","password":"canary"}`}, 401, codeWrongLogin, ""},
		{"a body too large", request{"POST", tasks, me, `{"title":"` + strings.Repeat("x", maxBody) + `"}`}, 413, codeTooLarge, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := p.send(c.q)
			problem := isProblem(t, got, c.status, c.code)
			if c.field == "" && len(problem.Errors) > 0 || c.field != "" && (len(problem.Errors) == 0 || problem.Errors[0].Field != c.field) {
				t.Errorf("errors %v, want one about %q", problem.Errors, c.field)
			}
			if strings.Contains(string(got.body), "canary") {
				t.Errorf("what was sent is repeated: %s", got.body)
			}
			if c.status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
	if p.log.String() != "" {
		t.Errorf("a client's mistake was logged:\n%s", p.log)
	}
	if p.metric("honeydue_http_problems_total", "code", codeEmailTaken) != 1 {
		t.Error("the problem was not counted under its code")
	}
}

func TestAnotherMediaType(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	ada := s.person("Ada")
	for ct, status := range map[string]int{
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "application/xml": 415,
		"application/json; charset=utf-8": 201, "application/json": 201, "": 201,
	} {
		hr, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/api/residences/", strings.NewReader(`{"name":"x"}`))
		must(t, hr, err)
		hr.Header.Set("Authorization", "Token "+ada.token)
		hr.Header["Content-Type"] = []string{ct}
		res, err := http.DefaultTransport.RoundTrip(hr)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		r := reply{res.StatusCode, res.Header, must(t, body, err)}
		if status == http.StatusUnsupportedMediaType {
			isProblem(t, r, status, codeMediaType)
		} else if r.status != status {
			t.Errorf("Content-Type %q: %s", ct, r)
		}
	}
}

// TestOurFailures: hidden from the client, counted, logged once with the trace.
func TestOurFailures(t *testing.T) {
	env := labtest.Database(t, store.Migrate)

	t.Run("a panic", func(t *testing.T) {
		p, s := newPod(t, env), newStage(t, env)
		ada := s.person("Ada")
		p.warm(ada)
		p.server.db = nil
		isProblem(t, p.get(uncached("/api/tasks/"), ada.token), http.StatusInternalServerError, codeInternal)
		if n := strings.Count(p.log.String(), "request failed"); n != 1 || !strings.Contains(p.log.String(), "stack=") {
			t.Errorf("logged %d times:\n%s", n, p.log)
		}
		p.server.db = p.db
		want[any](t, p.get("/api/tasks/", ada.token), http.StatusOK)
	})

	t.Run("a panic where others wait for the same answer", func(t *testing.T) {
		warm, s := newPod(t, env), newStage(t, env)
		ada := s.person("Ada")
		warm.warm(ada)
		p := newPod(t, env) // which remembers no list
		rdb := redisClient(t, env)
		t.Cleanup(func() { rdb.Close() })
		copies := rdb.Keys(t.Context(), fmt.Sprintf("list:*.tasks:%d", ada.ID)).Val()
		if len(copies) != 1 || rdb.Del(t.Context(), copies...).Val() != 1 {
			t.Fatal("there was no copy to take away, so the read would not share a flight")
		}
		p.server.db = nil
		isProblem(t, p.get("/api/tasks/", ada.token), http.StatusInternalServerError, codeInternal)
		if !strings.Contains(p.log.String(), "store.(*DB)") {
			t.Errorf("the log does not show where it happened:\n%s", p.log)
		}
	})

	t.Run("the database is unreachable", func(t *testing.T) {
		p, s := newPod(t, env), newStage(t, env)
		ada := s.person("Ada")
		p.warm(ada)
		if err := p.pooler.Close(); err != nil {
			t.Fatal(err)
		}
		got := p.get(uncached("/api/tasks/"), ada.token)
		problem := isProblem(t, got, http.StatusServiceUnavailable, codeUnavailable)
		if got.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
		if strings.Contains(string(got.body), "127.0.0.1") {
			t.Errorf("the reply tells where the database is: %s", got.body)
		}
		if !strings.Contains(p.log.String(), "task_board") || problem.TraceID == "" {
			t.Errorf("the log does not say what failed:\n%s", p.log)
		}
		// What needs no database goes on.
		want[any](t, p.get("/api/auth/me/", ada.token), http.StatusOK)
		want[any](t, p.get("/api/tasks/", ada.token), http.StatusOK)
		if r := want[Readiness](t, p.get("/readyz", ""), http.StatusServiceUnavailable); r.Ready || r.Reason == "" {
			t.Errorf("/readyz: %+v", r)
		}
	})

	t.Run("the database hangs", func(t *testing.T) {
		p, s := newPod(t, env), newStage(t, env)
		ada := s.person("Ada")
		p.warm(ada)
		p.server.requestTimeout = 200 * time.Millisecond
		p.setLink(link.Model{RTT: time.Hour})
		isProblem(t, p.get(uncached("/api/tasks/"), ada.token), http.StatusServiceUnavailable, codeUnavailable)
		p.setLink(link.Model{})
		p.pooler.CutAll() // or closing the pool would say good-bye into the void
	})

	t.Run("the client hangs up", func(t *testing.T) {
		p, s := newPod(t, env), newStage(t, env)
		ada := s.person("Ada")
		p.warm(ada)
		p.setLink(link.Model{RTT: 400 * time.Millisecond})
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /api/tasks/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token %s\r\n\r\n", ada.token)
		time.Sleep(50 * time.Millisecond)
		conn.Close()
		p.setLink(link.Model{})
		want[any](t, p.get("/api/auth/me/", ada.token), http.StatusOK)
		if p.log.String() != "" {
			t.Errorf("a client that hung up was logged:\n%s", p.log)
		}
	})
}

// TestAHalfWrittenReplyIsCut: a panic after the first byte must not look like
// a reply that is complete.
func TestAHalfWrittenReplyIsCut(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.unslashed["/half"] = true
	s.router.GET("/half", func(c *gin.Context) {
		c.Writer.WriteHeader(http.StatusOK)
		_, _ = c.Writer.WriteString("half a ")
		c.Writer.Flush()
		panic("then this")
	})
	srv := &http.Server{Handler: s}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() { srv.Close(); wg.Wait() })
	res, err := http.Get("http://" + l.Addr().String() + "/half")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(bufio.NewReader(res.Body)); err == nil {
		t.Errorf("the reply ended as if it were whole: %q", b)
	}
}

// TestPasswordsAreBounded: who waits too long in the queue is told to come back.
func TestPasswordsAreBounded(t *testing.T) {
	p := newPasswords()
	p.queue = 2
	for range cap(p.working) {
		p.working <- struct{}{} // all cores are busy
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := p.hash(ctx, password); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	labtest.Eventually(t, "two in the queue", func() bool { return p.waiting.Load() == 2 })
	_, err := p.matches(t.Context(), password, "")
	var busy *Problem
	if !errors.As(err, &busy) || busy.Status != http.StatusTooManyRequests || busy.header.Get("Retry-After") == "" {
		t.Errorf("got %v, want a 429 with Retry-After", err)
	}
	cancel()
	wg.Wait()
	for range cap(p.working) {
		<-p.working
	}
	hash, err := p.hash(t.Context(), password)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %v", hash, err)
	}
	for candidate, want := range map[string]bool{password: true, "other": false} {
		if ok, err := p.matches(t.Context(), candidate, hash); ok != want || err != nil {
			t.Errorf("%q: %v, %v", candidate, ok, err)
		}
	}
	// The work for nobody is that for somebody: the same parameters.
	if a, b := hash[:strings.LastIndex(hash[:len(hash)-44], "$")], p.decoy[:strings.LastIndex(p.decoy[:len(p.decoy)-44], "$")]; a != b {
		t.Errorf("a real hash begins %q, the decoy %q", a, b)
	}
	if ok, err := p.matches(t.Context(), "", ""); ok || err != nil {
		t.Errorf("the decoy matched: %v, %v", ok, err)
	}
}
