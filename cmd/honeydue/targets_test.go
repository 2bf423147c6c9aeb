package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

const (
	targetRTT = 110 * time.Millisecond
	// A congestion window is closed again after about one retransmission time-out of idleness.
	targetIdle = 2 * time.Second
	// Boards whose result fits into the first congestion window, and boards that need a second one.
	smallBoard, largeBoard = 110, 200
	// Each cold sample needs a user whom no cache has seen.
	coldSamples, restarts = 48, 12
	warmSamples           = 1000
	writeSamples          = 60
	frozenSamples         = 60
)

// BenchmarkTargets measures what the project promises of `honeydue serve` (docs/benchmarks.md) over a link of 110 ms,
// and prints it beside the promises: latency from outside, turns at the proxy in front of the pooler.
//
//	make bench-targets
func BenchmarkTargets(b *testing.B) {
	if b.N != 1 {
		b.Fatal("this benchmark has its own rounds: run it with -benchtime 1x, as make bench-targets does")
	}
	env, users := boardUsers(b)
	var out targetTable
	out.boot(b, env, users)
	out.cold(b, env, users)
	p := startPod(b, env, link.Model{RTT: targetRTT})
	out.warm(b, p, users.small[0])
	out.writes(b, p, users.small[0])
	out.frozen(b, env, users.small[1]) // whose board the writes have not made larger than a TCP window
	b.Log(out.String())
}

// tokensBySize are users by the size of their board.
type tokensBySize struct{ small, large []string }

// boardUsers makes users with a board of exactly smallBoard cards, and as many with largeBoard, of the seed's text.
func boardUsers(b *testing.B) (lab.Env, tokensBySize) {
	b.Helper()
	const pairs = coldSamples + restarts
	env := labtest.Database(b, store.Migrate)
	var printed bytes.Buffer
	_, err := store.Seed(b.Context(), env.DirectURL, store.SeedOptions{
		Users: 2 * pairs, ResidencesPerUser: 1, TasksPerResidence: 2 * (smallBoard + largeBoard), CompletionsPerTask: 1, Seed: 7, TokensOut: &printed,
	})
	if err != nil {
		b.Fatal(err)
	}
	conn, err := pgx.Connect(b.Context(), env.DirectURL)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	_, err = conn.Exec(b.Context(), `
		DELETE FROM residence_users;
		UPDATE residences SET active = false;
		INSERT INTO residences (owner_id, name) SELECT id, 'Home' FROM users;
		CREATE TEMP TABLE shown AS
			SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM tasks
			WHERE NOT archived AND (completed_at IS NULL OR completed_at > now() - interval '20 days');`)
	if err != nil {
		b.Fatal(err)
	}
	_, err = conn.Exec(b.Context(), `
		UPDATE tasks SET residence_id = home.id
		FROM shown JOIN (SELECT id, row_number() OVER (ORDER BY owner_id) - 1 AS k FROM residences WHERE active) home
			ON home.k = 2 * (shown.n / ($1::int + $2::int)) + CASE WHEN shown.n % ($1::int + $2::int) < $1::int THEN 0 ELSE 1 END
		WHERE tasks.id = shown.id`, smallBoard, largeBoard)
	if err != nil {
		b.Fatal(err)
	}
	var users tokensBySize
	for i, line := range strings.Split(strings.TrimSpace(printed.String()), "\n") {
		_, token, _ := strings.Cut(line, " ")
		if i%2 == 0 {
			users.small = append(users.small, token)
		} else {
			users.large = append(users.large, token)
		}
	}
	if len(users.small) != pairs || len(users.large) != pairs {
		b.Fatalf("%d and %d users, want %d of each", len(users.small), len(users.large), pairs)
	}
	return env, users
}

// targetPod is one server process's worth of honeydue behind a link of its own.
type targetPod struct {
	*serving
	client   *http.Client
	database *link.Proxy
	redis    *link.Proxy
}

func startPod(b *testing.B, env lab.Env, m link.Model) targetPod {
	b.Helper()
	env, database := labtest.Pooler(b, env, m)
	url, rds := labtest.Link(b, env.RedisURL, link.Model{})
	s := startServe(b, []string{"DATABASE_URL=" + env.DatabaseURL, "REDIS_URL=" + url})
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableCompression: true}}
	b.Cleanup(client.CloseIdleConnections)
	return targetPod{s, client, database, rds}
}

// reply is what one request got, seen from outside.
type reply struct {
	took         time.Duration
	turns        int64 // at the proxy; other work of the same pod in the same time counts as well
	said         int   // X-DB-Turns
	fromDatabase int64 // bytes
	status       int
	cache, etag  string
	timing       string
	stalls       int64 // waits of the link's senders for their congestion windows
	body         []byte
}

func (p targetPod) do(b testing.TB, method, path, token, body string, header ...string) reply {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Token "+token)
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	before, began := p.database.Counts(), time.Now()
	res, err := p.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	took, after := time.Since(began), p.database.Counts()
	if err != nil {
		b.Fatal(err)
	}
	said, err := strconv.Atoi(res.Header.Get("X-Db-Turns"))
	if err != nil || res.StatusCode >= http.StatusBadRequest {
		b.Fatalf("%s %s: %d %s", method, path, res.StatusCode, content)
	}
	return reply{
		took, after.Turns - before.Turns, said, after.BytesToClient - before.BytesToClient,
		res.StatusCode, res.Header.Get("Cache-Status"), res.Header.Get("Etag"),
		res.Header.Get("Server-Timing"), after.Stalls - before.Stalls, content,
	}
}

// read warms a path up and returns its ETag.
func (p targetPod) read(b testing.TB, path, token string) (etag string) {
	b.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got := p.do(b, http.MethodGet, path, token, ""); strings.Contains(got.cache, "list; hit") {
			return got.etag
		}
	}
	b.Fatalf("%s does not become warm", path)
	return ""
}

// targetTable is the report: a line for each promise.
type targetTable struct {
	lines []string
	notes []string
}

// limits are the promise of a line, in round trips or milliseconds; zero: nothing is promised.
type limits struct {
	turns    int
	p50, p99 time.Duration
}

func rtts(f float64) time.Duration { return time.Duration(f * float64(targetRTT)) }

func (t *targetTable) add(name string, got []reply, want limits) {
	took := make([]time.Duration, len(got))
	var said, outside []int64
	for i, g := range got {
		took[i] = g.took
		said, outside = append(said, int64(g.said)), append(outside, g.turns)
	}
	slices.Sort(took)
	slices.Sort(outside)
	p50, p99 := took[(len(took)+1)/2-1], took[(99*len(took)+99)/100-1]
	verdict := "ok"
	if slices.Max(said) > int64(want.turns) || (want.p50 > 0 && p50 > want.p50) || (want.p99 > 0 && p99 > want.p99) {
		verdict = "MISSED"
	}
	if slowest := slices.MaxFunc(got, func(a, b reply) int { return cmp.Compare(a.took, b.took) }); slowest.took > 3*p50/2 {
		t.notes = append(t.notes, fmt.Sprintf("%s, the slowest: %s ms (%s; %d stalls on the link, %d bytes)", name, ms(slowest.took), slowest.timing, slowest.stalls, slowest.fromDatabase))
	}
	promised := bounded(want.p50) + " / " + bounded(want.p99)
	t.lines = append(t.lines, fmt.Sprintf("%s\t%d\t%d-%d\t%d\t%d\t%s / %s\t%s\t%s\t%s",
		name, len(got), slices.Min(said), slices.Max(said), outside[len(outside)/2], want.turns, ms(p50), ms(p99), ms(took[len(took)-1]), promised, verdict))
}

func bounded(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return ms(d)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }

// String has the conditions with it: a figure without them says nothing.
func (t *targetTable) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "\nhoneydue serve, %s, GOMAXPROCS %d, one machine for all of it; R = %s, TCP slow start; cold: after %s of idleness\n",
		runtime.Version(), runtime.GOMAXPROCS(0), targetRTT, targetIdle)
	w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "path\tn\tturns\tat the proxy (median)\ttarget\tp50 / p99 ms\tmax\ttarget\t")
	for _, line := range t.lines {
		fmt.Fprintln(w, line)
	}
	w.Flush()
	for _, note := range t.notes {
		fmt.Fprintln(&s, note)
	}
	return s.String()
}

var bootReport = regexp.MustCompile(`ready in (\d+) ms; .* (\d+) turns on the critical path`)

// boot starts servers one after the other, each with a user whom no cache has seen for its first request.
func (t *targetTable) boot(b *testing.B, env lab.Env, users tokensBySize) {
	b.Helper()
	var first []reply
	var ready []time.Duration
	turns := 0
	for _, token := range users.small[coldSamples:] {
		p := startPod(b, env, link.Model{RTT: targetRTT})
		first = append(first, p.do(b, http.MethodGet, "/api/tasks/", token, ""))
		m := bootReport.FindStringSubmatch(p.stderr.String())
		if m == nil {
			b.Fatalf("serve does not say how its start went:\n%s", p.stderr.String())
		}
		took, _ := strconv.Atoi(m[1])
		critical, _ := strconv.Atoi(m[2])
		ready, turns = append(ready, time.Duration(took)*time.Millisecond), max(turns, critical)
		p.end()
	}
	slices.Sort(ready)
	verdict := "ok"
	if ready[len(ready)/2] > rtts(8.5) || turns > 8 {
		verdict = "MISSED"
	}
	t.lines = append(t.lines, fmt.Sprintf("ready after start\t%d\t%d\t-\t8\t%s / -\t%s\t%s / -\t%s",
		len(ready), turns, ms(ready[len(ready)/2]), ms(ready[len(ready)-1]), ms(rtts(8.5)), verdict))
	t.add("first request after a restart, board of 110", first, limits{turns: 1, p50: rtts(1.35)})
}

// cold reads each user's board once, on several servers side by side for the idleness is what takes the time.
func (t *targetTable) cold(b *testing.B, env lab.Env, users tokensBySize) {
	b.Helper()
	const pods = 4
	var servers []targetPod
	for range pods {
		servers = append(servers, startPod(b, env, link.Model{RTT: targetRTT}))
	}
	for _, size := range []struct {
		name   string
		tokens []string
		limits
	}{
		{"cold authed read, board of 110", users.small[:coldSamples], limits{1, rtts(1.2), rtts(1.6)}},
		{"cold authed read, board of 200", users.large[:coldSamples], limits{1, rtts(1.2), rtts(1.6)}},
	} {
		got := make([]reply, len(size.tokens))
		var wg sync.WaitGroup
		for k, p := range servers {
			wg.Go(func() {
				for i := k; i < len(got); i += pods {
					time.Sleep(targetIdle)
					got[i] = p.do(b, http.MethodGet, "/api/tasks/", size.tokens[i], "")
				}
			})
		}
		wg.Wait()
		t.add(size.name, got, size.limits)
		var bytes []int64
		for i, g := range got {
			if !strings.Contains(g.cache, "list; fwd=miss") {
				b.Errorf("request %d was not cold: %s", i, g.cache)
			}
			bytes = append(bytes, g.fromDatabase)
		}
		slices.Sort(bytes)
		t.notes = append(t.notes, fmt.Sprintf("%s: %d bytes from the database (median), %d at most", size.name, bytes[len(bytes)/2], bytes[len(bytes)-1]))
	}
	for _, p := range servers {
		p.end()
	}
}

func (t *targetTable) warm(b *testing.B, p targetPod, token string) {
	b.Helper()
	want := limits{0, 1500 * time.Microsecond, 10 * time.Millisecond}
	for _, path := range []string{"/api/tasks/", "/api/residences/", "/api/contractors/", "/api/documents/"} {
		etag := p.read(b, path, token)
		for _, kind := range []struct {
			name   string
			status int
			header []string
		}{
			{"warm ", http.StatusOK, nil},
			{"304 ", http.StatusNotModified, []string{"If-None-Match", etag}},
		} {
			got := make([]reply, warmSamples)
			for i := range got {
				time.Sleep(2 * time.Millisecond)
				got[i] = p.do(b, http.MethodGet, path, token, "", kind.header...)
				if got[i].status != kind.status || !strings.Contains(got[i].cache, "list; hit") {
					b.Errorf("%s%s: %d, %s", kind.name, path, got[i].status, got[i].cache)
				}
			}
			t.add(kind.name+path, got, want)
		}
	}
}

func (t *targetTable) writes(b *testing.B, p targetPod, token string) {
	b.Helper()
	var homes struct{ Items []household.Residence }
	decodeReply(b, p.do(b, http.MethodGet, "/api/residences/", token, "", "Accept-Encoding", "identity"), &homes)
	var create, patch, complete []reply
	for i := range writeSamples {
		made := p.do(b, http.MethodPost, "/api/tasks/", token, fmt.Sprintf(`{"residence_id":%d,"title":"Measure %d"}`, homes.Items[0].ID, i), "Accept-Encoding", "identity")
		var task household.Task
		decodeReply(b, made, &task)
		path := fmt.Sprintf("/api/tasks/%d/", task.ID)
		create = append(create, made)
		patch = append(patch, p.do(b, http.MethodPatch, path, token, `{"title":"Measured"}`))
		complete = append(complete, p.do(b, http.MethodPost, path+"complete/", token, `{}`))
	}
	want := limits{turns: 1, p50: rtts(1.2)}
	t.add("create a task", create, want)
	t.add("patch a task", patch, want)
	t.add("complete a task", complete, want)
}

func decodeReply(b testing.TB, r reply, into any) {
	b.Helper()
	if err := json.Unmarshal(r.body, into); err != nil {
		b.Fatalf("%v: %s", err, r.body)
	}
}

// frozen compares a server whose Redis is silent with one whose Redis refuses connections, in turns.
func (t *targetTable) frozen(b *testing.B, env lab.Env, token string) {
	b.Helper()
	silent, absent := startPod(b, env, link.Model{RTT: targetRTT}), startPod(b, env, link.Model{RTT: targetRTT})
	for _, p := range []targetPod{silent, absent} {
		p.read(b, "/api/tasks/", token)
	}
	silent.redis.Pause()
	defer silent.redis.Resume()
	if err := absent.redis.Close(); err != nil {
		b.Fatal(err)
	}
	var first, without, with []reply
	for range 5 {
		first = append(first, silent.do(b, http.MethodGet, "/api/tasks/", token, ""))
		absent.do(b, http.MethodGet, "/api/tasks/", token, "")
	}
	for range frozenSamples {
		without = append(without, absent.do(b, http.MethodGet, "/api/tasks/", token, ""))
		with = append(with, silent.do(b, http.MethodGet, "/api/tasks/", token, ""))
	}
	t.add("Redis refuses connections", without, limits{turns: 1})
	base := median(without)
	t.add("Redis frozen, the first five", first, limits{turns: 1, p99: base + 55*time.Millisecond})
	t.add("Redis frozen, after the first five", with, limits{turns: 1, p50: base + 2*time.Millisecond})
	took := make([]string, len(first))
	for i, r := range first {
		took[i] = ms(r.took)
	}
	t.notes = append(t.notes, "Redis frozen, the first five reads: "+strings.Join(took, ", ")+" ms")
}

func median(r []reply) time.Duration {
	took := make([]time.Duration, len(r))
	for i := range r {
		took[i] = r[i].took
	}
	slices.Sort(took)
	return took[len(took)/2]
}

func medianOf(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
