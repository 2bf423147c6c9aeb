package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

const (
	households       = 12
	eveningTasks     = 60
	writesPerEvening = 17 // of each household
	// eveningPause is between two writes of a household, on average.
	eveningPause = 2500 * time.Millisecond
	// eveningLook is how long after a write the other member looks.
	eveningLook = time.Second
	// oldBuild names the variable with the path of a build to compare with.
	oldBuild = "HONEYDUE_EVENING_OLD"
)

// BenchmarkEvening measures what two people per household see while they write: two servers on one Redis, each behind
// a link of 110 ms; every 2 to 3 s somebody renames or creates a task and looks at the board, and a second later the
// other member looks, through the other server. Turns are counted at the proxies in front of the pooler. With the path
// of another build the same happens on two servers of that one at the same time, on a database and a Redis of their own.
//
//	make bench-evening
//	make bench-evening OLD=/path/to/honeydue
func BenchmarkEvening(b *testing.B) {
	if b.N != 1 {
		b.Fatal("this benchmark has its own rounds: run it with -benchtime 1x, as make bench-evening does")
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	evenings := []*evening{{build: "new", binary: self}}
	if old := os.Getenv(oldBuild); old != "" {
		evenings = append([]*evening{{build: "old", binary: old}}, evenings...)
	}
	for _, e := range evenings {
		e.open(b)
	}
	began := time.Now()
	var wg sync.WaitGroup
	for _, e := range evenings {
		for h := range e.homes {
			wg.Go(func() { e.household(b, h, rand.New(rand.NewPCG(uint64(h), 1))) })
		}
	}
	wg.Wait()
	took := time.Since(began)
	for _, e := range evenings {
		e.turns += e.atProxies()
	}
	b.Log(eveningReport(evenings, took))
}

// evening is one build with its two servers, and what was seen of them.
type evening struct {
	build  string // as the report names it
	binary string
	pods   []targetPod
	homes  []eveningHome
	turns  int64

	mu   sync.Mutex
	seen map[string][]reply // by kind of request
}

// eveningHome is a residence of eveningTasks tasks with the tokens of the two people who share it.
type eveningHome struct {
	id     int64
	tokens [2]string
	tasks  []int64
}

var eveningKinds = []string{"own board right after the own write", "the other member's board a second later", "own board once more", "the other three lists"}

// run runs a command of the build to its end.
func (e *evening) run(b *testing.B, env lab.Env, args ...string) {
	b.Helper()
	if out, err := e.command(b.Context(), env, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s build: honeydue %s: %v\n%s", e.build, strings.Join(args, " "), err, out)
	}
}

func (e *evening) command(ctx context.Context, env lab.Env, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, e.binary, args...)
	c.Args[0] = "honeydue" // by which this test binary knows what it is to be
	c.Env = []string{"DATABASE_URL=" + env.DatabaseURL, "DATABASE_DIRECT_URL=" + env.DirectURL, "REDIS_URL=" + env.RedisURL, "PATH=" + os.Getenv("PATH"), "LOG_LEVEL=error"}
	return c
}

// open makes a schema and households by the build itself, starts its servers, and reads every list until it is warm.
func (e *evening) open(b *testing.B) {
	b.Helper()
	env := labtest.Database(b, nil)
	tokens := filepath.Join(b.TempDir(), "tokens")
	e.run(b, env, "migrate", "up")
	e.run(b, env, "seed", "--users", fmt.Sprint(2*households), "--residences-per-user", "1",
		"--tasks-per-residence", fmt.Sprint(eveningTasks), "--completions-per-task", "1", "--seed", "7", "--tokens", tokens)
	e.settle(b, env, tokens)
	for range 2 {
		e.pods = append(e.pods, e.start(b, env))
	}
	for _, h := range e.homes {
		for who, token := range h.tokens {
			for _, list := range []string{"tasks", "residences", "contractors", "documents"} {
				e.pods[who].read(b, "/api/"+list+"/", token)
			}
		}
	}
	e.seen, e.turns = map[string][]reply{}, -e.atProxies()
}

// settle makes the seeded users pairs who share one residence.
func (e *evening) settle(b *testing.B, env lab.Env, tokens string) {
	b.Helper()
	printed, err := os.ReadFile(tokens)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := pgx.Connect(b.Context(), env.DirectURL)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	if _, err := conn.Exec(b.Context(), `
		DELETE FROM residence_users;
		UPDATE residences SET active = false WHERE id NOT IN (SELECT min(id) FROM residences GROUP BY owner_id);
		CREATE TEMP TABLE pair AS SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM users;
		UPDATE residences r SET active = false FROM pair p WHERE r.owner_id = p.id AND p.n % 2 = 1;
		INSERT INTO residence_users (residence_id, user_id, role)
			SELECT r.id, other.id, 'member' FROM residences r JOIN pair p ON p.id = r.owner_id JOIN pair other ON other.n = p.n + 1
			WHERE r.active AND p.n % 2 = 0;`); err != nil {
		b.Fatal(err)
	}
	e.homes = make([]eveningHome, households)
	for i, line := range strings.Split(strings.TrimSpace(string(printed)), "\n") {
		user, token, _ := strings.Cut(line, " ")
		h := &e.homes[i/2]
		h.tokens[i%2] = token
		if err := conn.QueryRow(b.Context(), `SELECT r.id, array(SELECT t.id FROM tasks t WHERE t.residence_id = r.id AND NOT t.archived ORDER BY t.id)
			FROM residences r LEFT JOIN residence_users m ON m.residence_id = r.id
			WHERE r.active AND (r.owner_id = $1::bigint OR m.user_id = $1::bigint)`, user).Scan(&h.id, &h.tasks); err != nil {
			b.Fatal(err)
		}
	}
}

// start is a server of the build, in a process and behind a link of its own.
func (e *evening) start(b *testing.B, env lab.Env) targetPod {
	b.Helper()
	env, database := labtest.Pooler(b, env, link.Model{RTT: targetRTT})
	redis, rds := labtest.Link(b, env.RedisURL, link.Model{})
	env.RedisURL = redis
	addr, err := freeAddr()
	if err != nil {
		b.Fatal(err)
	}
	c := e.command(context.WithoutCancel(b.Context()), env, "serve", "--addr", addr, "--admin-addr", "127.0.0.1:0", "--drain-delay", "0s")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Wait() // how it ended is in what it said
		close(ended)
	}()
	b.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(patience):
			_ = c.Process.Kill()
			<-ended
		}
	})
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableCompression: true}}
	b.Cleanup(client.CloseIdleConnections)
	p := targetPod{&serving{t: b, url: "http://" + addr}, client, database, rds}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if status, _ := p.get("/readyz", ""); status == http.StatusOK {
			return p
		}
		select {
		case <-ended:
			b.Fatalf("%s build: serve ended:\n%s", e.build, said.String())
		default:
		}
		if time.Now().After(end) {
			b.Fatalf("%s build: serve is not ready", e.build)
		}
	}
}

func (e *evening) atProxies() (turns int64) {
	for _, p := range e.pods {
		turns += p.database.Counts().Turns
	}
	return turns
}

func (e *evening) note(kind string, r reply) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen[kind] = append(e.seen[kind], r)
}

// household is the evening of household number h. Each of its people uses a server of their own; half of the writes
// rename a task, the others create one.
func (e *evening) household(b *testing.B, h int, rng *rand.Rand) {
	home := e.homes[h]
	time.Sleep(time.Duration(rng.Int64N(int64(eveningPause))))
	for n := range writesPerEvening {
		who := n % 2
		own, other := e.pods[who], e.pods[1-who]
		const board = "/api/tasks/"
		get := func(p targetPod, path string, who int) reply {
			return p.do(b, http.MethodGet, path, home.tokens[who], "")
		}
		if (n/2+h)%2 == 0 {
			path := fmt.Sprintf("/api/tasks/%d/", home.tasks[n%len(home.tasks)])
			e.note("rename", own.do(b, http.MethodPatch, path, home.tokens[who], fmt.Sprintf(`{"title":"Name %d of the evening"}`, n)))
		} else {
			body := fmt.Sprintf(`{"residence_id":%d,"title":"Task %d of the evening"}`, home.id, n)
			e.note("create", own.do(b, http.MethodPost, board, home.tokens[who], body))
		}
		e.note(eveningKinds[0], get(own, board, who))
		time.Sleep(eveningLook)
		e.note(eveningKinds[1], get(other, board, 1-who))
		e.note(eveningKinds[2], get(own, board, who))
		list := []string{"/api/residences/", "/api/contractors/", "/api/documents/"}[rng.IntN(3)]
		e.note(eveningKinds[3], get(other, list, 1-who))
		time.Sleep(eveningPause - eveningLook + time.Duration(rng.Int64N(int64(eveningLook))) - eveningLook/2)
	}
}

// eveningFigures are those of some replies.
type eveningFigures struct {
	n        int
	free     float64 // share without a turn, in percent
	p50, p99 time.Duration
}

func (e *evening) figures(kinds ...string) eveningFigures {
	var took []time.Duration
	free := 0
	for _, kind := range kinds {
		for _, r := range e.seen[kind] {
			took = append(took, r.took)
			if r.said == 0 {
				free++
			}
		}
	}
	slices.Sort(took)
	n := len(took)
	return eveningFigures{n: n, free: 100 * float64(free) / float64(n), p50: took[(n+1)/2-1], p99: took[(99*n+99)/100-1]}
}

// eveningReport has the conditions with it, the builds side by side, and what the last of them misses.
func eveningReport(evenings []*evening, took time.Duration) string {
	var s strings.Builder
	fmt.Fprintf(&s, "\ntwo servers of each build, %s, GOMAXPROCS %d, one machine for all of it; R = %s; %d households of two, boards of %d tasks, a write every %s each, half of them renames; %.0f s\n",
		runtime.Version(), runtime.GOMAXPROCS(0), targetRTT, households, eveningTasks, eveningPause, took.Seconds())
	w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "request\tn")
	for _, e := range evenings {
		fmt.Fprintf(w, "\t%s: without a turn\tp50 ms\tp99 ms", e.build)
	}
	fmt.Fprintln(w, "\t")
	line := func(name string, kinds ...string) {
		fmt.Fprintf(w, "%s\t%d", name, evenings[0].figures(kinds...).n)
		for _, e := range evenings {
			f := e.figures(kinds...)
			fmt.Fprintf(w, "\t%.1f %%\t%s\t%s", f.free, ms(f.p50), ms(f.p99))
		}
		fmt.Fprintln(w, "\t")
	}
	for _, kind := range slices.Concat(eveningKinds, []string{"rename", "create"}) {
		line(kind, kind)
	}
	line("all list reads", eveningKinds...)
	line("all writes", "rename", "create")
	w.Flush()
	for _, e := range evenings {
		why := map[string]int{}
		for _, kind := range eveningKinds {
			for _, r := range e.seen[kind] {
				if r.said > 0 {
					why[r.cache]++
				}
			}
		}
		for _, status := range slices.Sorted(maps.Keys(why)) {
			fmt.Fprintf(&s, "%s: %d reads took a turn: %s\n", e.build, why[status], status)
		}
	}
	w = tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "target")
	for _, e := range evenings {
		fmt.Fprintf(w, "\t%s", e.build)
	}
	fmt.Fprintln(w, "\t\t")
	for _, limit := range []struct {
		what    string
		measure func(*evening) (shown string, met bool)
	}{
		{"list reads without a turn >= 97 %", func(e *evening) (string, bool) {
			f := e.figures(eveningKinds...)
			return fmt.Sprintf("%.1f %%", f.free), f.free >= 97
		}},
		{"list reads: p50 <= 3 ms", func(e *evening) (string, bool) {
			f := e.figures(eveningKinds...)
			return ms(f.p50), f.p50 <= 3*time.Millisecond
		}},
		{"list reads: p99 <= 40 ms", func(e *evening) (string, bool) {
			f := e.figures(eveningKinds...)
			return ms(f.p99), f.p99 <= 40*time.Millisecond
		}},
		{"turns at the proxies for each write, all work included, <= 2.2", func(e *evening) (string, bool) {
			perWrite := float64(e.turns) / float64(e.figures("rename", "create").n)
			return fmt.Sprintf("%.2f", perWrite), perWrite <= 2.2
		}},
		{"writes: p50 <= 1.1 R", func(e *evening) (string, bool) {
			f := e.figures("rename", "create")
			return fmt.Sprintf("%.2f R", float64(f.p50)/float64(targetRTT)), f.p50 <= rtts(1.1)
		}},
	} {
		fmt.Fprint(w, limit.what)
		verdict := "met"
		for _, e := range evenings {
			shown, met := limit.measure(e)
			if verdict = "met"; !met {
				verdict = "MISSED"
			}
			fmt.Fprintf(w, "\t%s", shown)
		}
		fmt.Fprintf(w, "\t%s\t\n", verdict)
	}
	w.Flush()
	return s.String()
}
