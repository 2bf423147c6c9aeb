package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
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
	"github.com/honeydue/honeydue/internal/store"
)

const (
	households       = 12
	eveningTasks     = 60
	writesPerEvening = 17 // of each household
	// eveningPause is between two writes of a household, on average.
	eveningPause = 2500 * time.Millisecond
	// eveningLook is how long after a write the other member looks.
	eveningLook = time.Second
)

// BenchmarkEvening measures what two people per household see while they write: two servers on one Redis, each behind
// a link of 110 ms; every 2 to 3 s somebody renames or creates a task and looks at the board, and a second later the
// other member looks, through the other server. Turns are counted at the proxies in front of the pooler.
//
//	make bench-evening
func BenchmarkEvening(b *testing.B) {
	if b.N != 1 {
		b.Fatal("this benchmark has its own rounds: run it with -benchtime 1x, as make bench-evening does")
	}
	env, people := eveningUsers(b)
	pods := []targetPod{startPod(b, env, link.Model{RTT: targetRTT}), startPod(b, env, link.Model{RTT: targetRTT})}
	var e evening
	for h := range households {
		two := people[2*h : 2*h+2]
		for i := range two {
			for _, list := range []string{"tasks", "residences", "contractors", "documents"} {
				pods[i].read(b, "/api/"+list+"/", two[i].token)
			}
		}
	}
	before := pods[0].database.Counts().Turns + pods[1].database.Counts().Turns
	began := time.Now()
	var wg sync.WaitGroup
	for h := range households {
		wg.Go(func() { e.household(b, pods, people[2*h:2*h+2], rand.New(rand.NewPCG(uint64(h), 1))) })
	}
	wg.Wait()
	turns := pods[0].database.Counts().Turns + pods[1].database.Counts().Turns - before
	b.Log(e.report(turns, time.Since(began)))
}

type eveningPerson struct {
	token string
	home  int64
}

// eveningUsers are pairs who share one residence of eveningTasks tasks.
func eveningUsers(b *testing.B) (lab.Env, []eveningPerson) {
	b.Helper()
	env := labtest.Database(b, store.Migrate)
	var printed bytes.Buffer
	_, err := store.Seed(b.Context(), env.DirectURL, store.SeedOptions{
		Users: 2 * households, ResidencesPerUser: 1, TasksPerResidence: eveningTasks, CompletionsPerTask: 1, Seed: 7, TokensOut: &printed,
	})
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
	var people []eveningPerson
	for _, line := range strings.Split(strings.TrimSpace(printed.String()), "\n") {
		user, token, _ := strings.Cut(line, " ")
		p := eveningPerson{token: token}
		if err := conn.QueryRow(b.Context(), `SELECT r.id FROM residences r LEFT JOIN residence_users m ON m.residence_id = r.id
			WHERE r.active AND (r.owner_id = $1::bigint OR m.user_id = $1::bigint)`, user).Scan(&p.home); err != nil {
			b.Fatal(err)
		}
		people = append(people, p)
	}
	return env, people
}

// evening is what was seen, by kind of request.
type evening struct {
	mu   sync.Mutex
	seen map[string][]reply
}

var eveningKinds = []string{"own board right after the own write", "the other member's board a second later", "own board once more", "the other three lists"}

func (e *evening) note(kind string, r reply) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil {
		e.seen = map[string][]reply{}
	}
	e.seen[kind] = append(e.seen[kind], r)
}

// household is one pair's evening. Each uses a server of their own.
func (e *evening) household(b *testing.B, pods []targetPod, two []eveningPerson, rng *rand.Rand) {
	time.Sleep(time.Duration(rng.Int64N(int64(eveningPause))))
	for n := range writesPerEvening {
		who := n % 2
		p, other := pods[who], pods[1-who]
		const board = "/api/tasks/"
		get := func(p targetPod, path string, who eveningPerson) reply {
			return p.do(b, http.MethodGet, path, who.token, "")
		}
		body := fmt.Sprintf(`{"residence_id":%d,"title":"Task %d of the evening"}`, two[who].home, n)
		e.note("write", p.do(b, http.MethodPost, board, two[who].token, body))
		e.note(eveningKinds[0], get(p, board, two[who]))
		time.Sleep(eveningLook)
		e.note(eveningKinds[1], get(other, board, two[1-who]))
		e.note(eveningKinds[2], get(p, board, two[who]))
		list := []string{"/api/residences/", "/api/contractors/", "/api/documents/"}[rng.IntN(3)]
		e.note(eveningKinds[3], get(other, list, two[1-who]))
		time.Sleep(eveningPause - eveningLook + time.Duration(rng.Int64N(int64(eveningLook))) - eveningLook/2)
	}
}

// report has the conditions with it, and says where a limit is missed.
func (e *evening) report(turns int64, took time.Duration) string {
	var s strings.Builder
	fmt.Fprintf(&s, "\ntwo servers, %s, GOMAXPROCS %d, one machine for all of it; R = %s; %d households of two, boards of %d tasks, a write every %s each; %.0f s\n",
		runtime.Version(), runtime.GOMAXPROCS(0), targetRTT, households, eveningTasks, eveningPause, took.Seconds())
	w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "request\tn\twithout a turn\tp50 ms\tp99 ms\t")
	line := func(name string, got []reply) (share float64, p50, p99 time.Duration) {
		took, free := make([]time.Duration, len(got)), 0
		for i, g := range got {
			took[i] = g.took
			if g.said == 0 {
				free++
			}
		}
		slices.Sort(took)
		share, p50, p99 = 100*float64(free)/float64(len(got)), took[(len(took)+1)/2-1], took[(99*len(took)+99)/100-1]
		fmt.Fprintf(w, "%s\t%d\t%.1f %%\t%s\t%s\t\n", name, len(got), share, ms(p50), ms(p99))
		return share, p50, p99
	}
	var all []reply
	for _, kind := range eveningKinds {
		line(kind, e.seen[kind])
		all = append(all, e.seen[kind]...)
	}
	share, p50, p99 := line("all list reads", all)
	_, write, _ := line("write", e.seen["write"])
	w.Flush()
	why := map[string]int{}
	for _, g := range all {
		if g.said > 0 {
			why[g.cache]++
		}
	}
	for _, status := range slices.Sorted(maps.Keys(why)) {
		fmt.Fprintf(&s, "%d reads took a turn: %s\n", why[status], status)
	}
	perWrite := float64(turns) / float64(len(e.seen["write"]))
	fmt.Fprintf(&s, "%d turns at the proxies for %d writes: %.2f each, reads, sweeps and all background work included\n", turns, len(e.seen["write"]), perWrite)
	for _, limit := range []struct {
		what string
		met  bool
	}{
		{"97 % of the list reads without a turn", share >= 97},
		{"list reads: p50 of 3 ms", p50 <= 3*time.Millisecond},
		{"list reads: p99 of 40 ms", p99 <= 40*time.Millisecond},
		{"2.2 turns for each write", perWrite <= 2.2},
		{"a write's p50 of 1.1 R", write <= rtts(1.1)},
	} {
		verdict := "met"
		if !limit.met {
			verdict = "MISSED"
		}
		fmt.Fprintf(&s, "%s: %s\n", limit.what, verdict)
	}
	return s.String()
}
