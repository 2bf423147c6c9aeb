package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// ask is a GET with headers of its own.
func (p *pod) ask(path, token string, headers ...string) reply {
	p.t.Helper()
	hr, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, nil)
	must(p.t, hr, err)
	hr.Header.Set("Authorization", "Token "+token)
	for i := 0; i < len(headers); i += 2 {
		hr.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(hr)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, must(p.t, body, err)}
}

func hotRoutes(t *testing.T) []Route {
	t.Helper()
	var hot []Route
	for _, r := range Routes() {
		if r.Hot {
			hot = append(hot, r)
		}
	}
	if len(hot) != 4 {
		t.Fatalf("%d hot routes", len(hot))
	}
	return hot
}

// TestAWarmListIsOneVisitToRedis: authentication included, and so is a 304. An
// outside proxy counts on both sides.
func TestAWarmListIsOneVisitToRedis(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	for _, r := range hotRoutes(t) {
		t.Run(r.ID, func(t *testing.T) {
			p.warmList(r.Path, h.member)
			first := p.get(r.Path, h.member.token)
			turns, trips := p.pooler.Counts().Turns, p.redis.Counts().Turns
			second := p.get(r.Path, h.member.token)
			again := p.ask(r.Path, h.member.token, "If-None-Match", `W/"theirs", `+second.header.Get("Etag"))
			if n := p.pooler.Counts().Turns - turns; n != 0 {
				t.Errorf("%d turns to the database, want none", n)
			}
			if n := p.redis.Counts().Turns - trips; n != 2 {
				t.Errorf("%d trips to Redis for two requests, want 2", n)
			}
			if !bytes.Equal(first.body, second.body) || second.header.Get("X-Db-Turns") != "0" {
				t.Errorf("the copy differs from what was filled, or is billed with %s turns", second.header.Get("X-Db-Turns"))
			}
			if got := second.header.Get("Cache-Status"); got != "token; hit, residence-ids; hit, list; hit" {
				t.Errorf("Cache-Status: %s", got)
			}
			if again.status != http.StatusNotModified || len(again.body) != 0 || again.header.Get("Etag") != second.header.Get("Etag") {
				t.Errorf("with the list's ETag: %s, ETag %s, want 304 without a body", again, again.header.Get("Etag"))
			}
			if again.header.Get("Content-Type") != "" || again.header.Get("Cache-Control") != "private, no-cache" {
				t.Errorf("the 304's headers: %v", again.header)
			}
			if first.header.Get("Etag") != second.header.Get("Etag") {
				t.Errorf("the copy was named %s, and then %s", first.header.Get("Etag"), second.header.Get("Etag"))
			}
		})
	}
}

// TestAnETagIsOfOneListOnly: versions are the same for all four lists of a
// user, and so are those of a list in its default form and in another.
func TestAnETagIsOfOneListOnly(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	tags := map[string]string{}
	for _, r := range hotRoutes(t) {
		p.warmList(r.Path, h.owner)
		tags[r.Path] = p.get(r.Path, h.owner.token).header.Get("Etag")
	}
	for path := range tags {
		for other, tag := range tags {
			got := p.ask(path, h.owner.token, "If-None-Match", tag)
			if got.status != map[bool]int{true: http.StatusNotModified, false: http.StatusOK}[path == other] {
				t.Errorf("%s with the ETag of %s: %d", path, other, got.status)
			}
			// Whichever of the tags it is: RFC 9110, 13.1.2.
			if got := p.ask(path, h.owner.token, "If-None-Match", strings.Join([]string{`"x"`, tags[other], tags[path]}, ", ")); got.status != http.StatusNotModified {
				t.Errorf("%s with several tags, its own the last: %d", path, got.status)
			}
			if got := p.ask(path, h.admin.token, "If-None-Match", tag); got.status != http.StatusOK {
				t.Errorf("%s of another user with this one's ETag: %d", path, got.status)
			}
			if got := p.ask(uncached(path), h.owner.token, "If-None-Match", tag); got.status != http.StatusOK || got.header.Get("Etag") != "" {
				t.Errorf("%s: %d, ETag %q", uncached(path), got.status, got.header.Get("Etag"))
			}
		}
	}
}

// TestEveryWriteIsSeenByTheNextRead: for each route that writes, on the other
// pod, by everybody whose lists it changes, and an ETag of before is no 304.
func TestEveryWriteIsSeenByTheNextRead(t *testing.T) {
	_, a, b, s := twoPods(t)
	lists := map[string]string{
		"create_task": "/api/tasks/", "update_task": "/api/tasks/", "delete_task": "/api/tasks/", "complete_task": "/api/tasks/",
		"start_task": "/api/tasks/", "archive_task": "/api/tasks/", "create_contractor": "/api/contractors/",
		"delete_contractor": "/api/contractors/", "create_document": "/api/documents/", "delete_document": "/api/documents/",
		"update_residence": "/api/residences/", "delete_residence": "/api/residences/",
	}
	for _, r := range Routes() {
		list, writes := lists[r.ID]
		if !writes {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			h, q := drive(t, s, r)
			before := map[string]reply{}
			for _, who := range []person{h.owner, h.member} {
				b.warmList(list, who)
				before[who.token] = b.get(list, who.token)
			}
			if got := a.send(q); got.status >= 300 {
				t.Fatal(got)
			}
			for _, who := range []person{h.owner, h.member} {
				got := b.ask(list, who.token, "If-None-Match", before[who.token].header.Get("Etag"))
				if got.status != http.StatusOK || bytes.Equal(got.body, before[who.token].body) {
					t.Errorf("%s sees what was before the write (%d): %s", who.Name, got.status, got.header.Get("Cache-Status"))
				}
				turns := "0" // the write has read it
				if r.ID == "delete_residence" {
					turns = "1"
				}
				if got.header.Get("X-Db-Turns") != turns {
					t.Errorf("the read after a write took %s turns, want %s", got.header.Get("X-Db-Turns"), turns)
				}
			}
		})
	}
}

// TestNoWriteOfOursIsARepair: each route announces all that its row in the change
// log names. What it left out the sweep would tell later, make other people's
// lists cold for it, and count as what P2 counts.
func TestNoWriteOfOursIsARepair(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	swept := func() {
		t.Helper()
		before := metricOf(t, p.keeper, "honeydue_cache_sweeps_total", "outcome", "done")
		labtest.Eventually(t, "two sweeps", func() bool {
			return metricOf(t, p.keeper, "honeydue_cache_sweeps_total", "outcome", "done") >= before+2
		})
	}
	requests := map[string]request{}
	for _, r := range Routes() {
		if r.Method != http.MethodGet {
			_, requests[r.ID] = drive(t, s, r)
		}
	}
	swept() // what the stage has done
	before := metricOf(t, p.keeper, "honeydue_cache_repairs_total")
	for id, q := range requests {
		if got := p.send(q); got.status >= 300 {
			t.Fatalf("%s: %s", id, got)
		}
	}
	swept()
	if n := metricOf(t, p.keeper, "honeydue_cache_repairs_total") - before; n != 0 || len(requests) < 15 {
		t.Errorf("%d routes left %v writes for the sweep to tell", len(requests), n)
	}
}

// TestSQLFromOutsideIsSeenWithinALease: nobody announced it, so a sweep has to
// find it; what is held until then is P2's to be old, and not longer.
func TestSQLFromOutsideIsSeenWithinALease(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	p.warm(h.member)
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	must(t, conn, err)
	defer conn.Close(t.Context())
	tag, err := conn.Exec(t.Context(), "UPDATE tasks SET title = 'from outside' WHERE id = $1", h.task)
	must(t, tag, err)
	labtest.Eventually(t, "what was changed from outside", func() bool {
		return strings.Contains(string(p.get("/api/tasks/", h.member.token).body), "from outside")
	})
}

// TestAListIsServedPlainToWhoAsksForIt: the copy is compressed once; who does
// not take gzip gets the same JSON.
func TestAListIsServedPlainToWhoAsksForIt(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	for _, state := range []string{"filled", "copied"} {
		zipped := p.ask("/api/tasks/", h.owner.token, "Accept-Encoding", "br, gzip;q=0.5")
		plain := p.ask("/api/tasks/", h.owner.token, "Accept-Encoding", "identity")
		refused := p.ask("/api/tasks/", h.owner.token, "Accept-Encoding", "gzip;q=0")
		if zipped.header.Get("Content-Encoding") != "gzip" || plain.header.Get("Content-Encoding") != "" || refused.header.Get("Content-Encoding") != "" {
			t.Fatalf("%s: encodings %q, %q, %q", state, zipped.header.Get("Content-Encoding"), plain.header.Get("Content-Encoding"), refused.header.Get("Content-Encoding"))
		}
		text, err := decompress(string(zipped.body))
		if err != nil || !bytes.Equal(text, plain.body) || !bytes.Equal(text, refused.body) || !json.Valid(text) {
			t.Errorf("%s: the compressed and the plain list differ (%v)", state, err)
		}
		for _, r := range []reply{zipped, plain} {
			if r.header.Get("Content-Length") != strconv.Itoa(len(r.body)) || !strings.Contains(r.header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("%s: %d bytes with the headers %v", state, len(r.body), r.header)
			}
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "x-gzip": true, "br": false, "br, gzip": true, "gzip;q=0": false, "gzip; q=0.000": false,
		"gzip;q=0.1": true, "*": true, "*;q=0": false, "identity": false, "gzip;q=nonsense": false, "*, gzip;q=0": false,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

// TestABoardAges: nothing is written, but a local midnight passes: the copy and
// the client's ETag of before are no longer served.
func TestABoardAges(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	var passed atomic.Int64
	now := func() time.Time { // 23:30 in Berlin
		return time.Date(2026, time.March, 10, 22, 30, 0, 0, time.UTC).Add(time.Duration(passed.Load()))
	}
	p, s := newPod(t, env, func(c *Config) { c.Now = now }), newStage(t, env)
	h := s.home()
	task := want[household.Task](t, p.post("/api/tasks/", h.owner.token, fmt.Sprintf(`{"residence_id":%d,"title":"Due today","due_date":"2026-03-10"}`, h.id)), http.StatusCreated)
	column := func(r reply) household.ColumnName {
		for _, c := range want[household.Board](t, r, http.StatusOK).Columns {
			for _, card := range c.Tasks {
				if card.ID == task.ID {
					return c.Name
				}
			}
		}
		return ""
	}
	p.warmList("/api/tasks/", h.owner)
	first := p.get("/api/tasks/", h.owner.token)
	if got := column(p.get("/api/tasks/", h.owner.token)); got != household.ColumnDueSoon {
		t.Fatalf("before midnight it stands in %s", got)
	}
	passed.Store(int64(time.Hour))
	got := p.ask("/api/tasks/", h.owner.token, "If-None-Match", first.header.Get("Etag"))
	if got.status != http.StatusOK || column(got) != household.ColumnOverdue {
		t.Errorf("after midnight: %d, it stands in %s", got.status, column(got))
	}
	if p.get("/api/residences/", h.owner.token); p.ask("/api/residences/", h.owner.token, "If-None-Match", p.get("/api/residences/", h.owner.token).header.Get("Etag")).status != http.StatusNotModified {
		t.Error("a list that does not age has aged")
	}
}

// TestATruePlaceOfATaskIsFound: a write on a task of a residence that the user
// has just joined, and on one whose hint is wrong, is right and costs one turn more.
func TestATruePlaceOfATaskIsFound(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h, other := s.home(), s.home()
	rdb := redisClient(t, env)
	t.Cleanup(func() { rdb.Close() })
	p.warm(h.member)
	path := fmt.Sprintf("/api/tasks/%d/", h.task)
	patch := func(title string) reply {
		return p.send(request{http.MethodPatch, path, h.member.token, fmt.Sprintf(`{"title":%q}`, title)})
	}
	if got := patch("one"); got.status != http.StatusOK || got.header.Get("X-Db-Turns") != "1" {
		t.Errorf("%s, %s turns", got, got.header.Get("X-Db-Turns"))
	}
	key := fmt.Sprintf("at:t%d", h.task)
	if hint := rdb.Get(t.Context(), key).Val(); hint != strconv.FormatInt(h.id, 10) {
		t.Errorf("the hint is %q, want %d", hint, h.id)
	}
	rdb.Set(t.Context(), key, other.id, time.Minute)
	if got := patch("two"); got.status != http.StatusOK || got.header.Get("X-Db-Turns") != "2" {
		t.Errorf("with a wrong hint: %s, %s turns", got, got.header.Get("X-Db-Turns"))
	}
	if got := string(p.get("/api/tasks/", h.owner.token).body); !strings.Contains(got, `"two"`) {
		t.Errorf("the board does not show it: %s", got)
	}
	isProblem(t, p.send(request{http.MethodPatch, path, h.stranger.token, `{"title":"mine"}`}), http.StatusNotFound, codeNotFound)
}
