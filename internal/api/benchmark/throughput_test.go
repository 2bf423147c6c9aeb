package benchmark

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	roundTrip   = 110 * time.Millisecond
	connections = 8
	rounds      = 9
	slice       = 700 * time.Millisecond
	// paced requests for the latencies: 1,000 say something about a p99.
	paced      = 1000
	pacedEvery = 5 * time.Millisecond
)

// measured is what one side did in all rounds.
type measured struct {
	name           string
	promised       float64 // the least ratio; 0: nothing is promised
	perSecond      []float64
	ratios         []float64 // to the trivial handler in the same round
	cpu, redisCPU  []float64 // µs a request
	requests       int
	wrong          int
	p50, p99, most time.Duration
}

func BenchmarkWarmBoard(b *testing.B) {
	if b.N != 1 {
		b.Fatal("this benchmark has its own rounds: run it with -benchtime 1x, as make bench does")
	}
	env, token := seededBoard(b, time.Now())
	rdb := redisClient(b, env)
	traces := collector(b)
	off := newPod(b, env, podOptions{rtt: roundTrip})
	tenth := newPod(b, env, podOptions{rtt: roundTrip, tracesURL: traces, ratio: 0.1})
	all := newPod(b, env, podOptions{rtt: roundTrip, tracesURL: traces, ratio: 1})
	forgets := newPod(b, env, podOptions{rtt: roundTrip, nearBytes: -1})
	keep(b, off)

	body, etag := warm(b, off, token)
	auth := "Authorization: Token " + token + "\r\n"
	hit := wanted{http.StatusOK, []byte("list; hit")}
	traceless := listenAt(b, off)
	sides := []*side{
		{name: "trivial gin handler, 2 bytes", addr: listenAt(b, trivial()), header: auth, want: wanted{status: http.StatusOK}},
		{name: "trivial gin handler, the board's bytes", addr: listenAt(b, trivialOf(body)), header: auth, want: wanted{status: http.StatusOK}},
		{name: "board, warm, tracing off", addr: traceless, header: auth, want: hit, promised: 0.3},
		{name: "board, warm, 10% of the traces", addr: listenAt(b, tenth), header: auth, want: hit, promised: 0.2},
		{name: "board, warm, all traces", addr: listenAt(b, all), header: auth, want: hit},
		{name: "board, warm, every copy from Redis", addr: listenAt(b, forgets), header: auth, want: hit},
		{name: "board, 304, tracing off", addr: traceless, header: auth + "If-None-Match: " + etag + "\r\n", want: wanted{http.StatusNotModified, []byte("list; hit")}},
	}
	for _, s := range sides {
		if err := s.dial(b.Context(), connections); err != nil {
			b.Fatal(err)
		}
		defer s.close()
	}
	out := measure(b, rdb, sides)
	size := weighCopy(b, body)
	b.Logf("the board of %d tasks: %d bytes raw (%.0f a task, at most %d), %d compressed (%.0f a task, at most %d)",
		tasks, size.raw, float64(size.raw)/tasks, maxRaw, size.compressed, float64(size.compressed)/tasks, maxCompressed)
	show(b, out)
}

// warm reads the board until it comes from the cache.
func warm(b *testing.B, p pod, token string) (body []byte, etag string) {
	b.Helper()
	for range 50 {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, boardRequest(b, token))
		if w.Code != http.StatusOK {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
		if strings.Contains(w.Header().Get("Cache-Status"), "list; hit") {
			return w.Body.Bytes(), w.Header().Get("Etag")
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal("the board does not become warm")
	return nil, ""
}

// measure lets the sides take turns, slice by slice, so that whatever else the
// machine does meets all of them.
func measure(b *testing.B, rdb *redis.Client, sides []*side) []measured {
	b.Helper()
	out := make([]measured, len(sides))
	for round := range rounds + 1 {
		var base float64
		for i, s := range sides {
			cpu, theirs := cpuTime(b), redisTime(b, rdb)
			t, err := s.run(slice)
			if err != nil {
				b.Fatal(err)
			}
			cpu, theirs = cpuTime(b)-cpu, redisTime(b, rdb)-theirs
			if round == 0 {
				continue // the first one warms up
			}
			m, n := &out[i], float64(t.requests)
			rate := n / t.wall.Seconds()
			if i == 0 {
				base = rate
			}
			m.name, m.promised = s.name, s.promised
			m.perSecond = append(m.perSecond, rate)
			m.ratios = append(m.ratios, rate/base)
			m.cpu = append(m.cpu, float64(cpu.Microseconds())/n)
			m.redisCPU = append(m.redisCPU, float64(theirs.Microseconds())/n)
			m.requests += t.requests
			m.wrong += t.wrong
		}
	}
	for i, s := range sides {
		took, err := s.latencies(paced, pacedEvery)
		if err != nil {
			b.Fatal(err)
		}
		slices.Sort(took)
		out[i].p50, out[i].p99, out[i].most = took[(paced+1)/2-1], took[(99*paced+99)/100-1], took[paced-1]
	}
	return out
}

// cpuTime is what this process has used: server and client together.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// redisTime is what Redis has used.
func redisTime(b *testing.B, rdb *redis.Client) time.Duration {
	b.Helper()
	info, err := rdb.Info(b.Context(), "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	var sum float64
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			f, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			sum += f
		}
	}
	return time.Duration(sum * float64(time.Second))
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// show prints a line for each side: the median of its slices, and the range of their ratios to the trivial handler.
func show(b *testing.B, out []measured) {
	b.Helper()
	var s strings.Builder
	fmt.Fprintf(&s, "\n%s, GOMAXPROCS %d; server, client, Redis and Postgres on this machine; the database %s away\n", runtime.Version(), runtime.GOMAXPROCS(0), roundTrip)
	fmt.Fprintf(&s, "%d connections, %d rounds of %s in turns; latencies: %d requests, one each %s, from the moment they were due\n", connections, rounds, slice, paced, pacedEvery)
	w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "side\trequests/s\tratio (range)\ttarget\tCPU µs, with the client's\tRedis CPU µs\tp50 / p99 / max ms\tn\twrong replies")
	for _, m := range out {
		promised := "-"
		if m.promised > 0 {
			promised = fmt.Sprintf(">= %.1f", m.promised)
			if median(m.ratios) < m.promised {
				promised += " MISSED"
			}
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.3f (%.3f-%.3f)\t%s\t%.0f\t%.0f\t%.2f / %.2f / %.2f\t%d\t%d\n", m.name, median(m.perSecond),
			median(m.ratios), slices.Min(m.ratios), slices.Max(m.ratios), promised, median(m.cpu), median(m.redisCPU),
			milliseconds(m.p50), milliseconds(m.p99), milliseconds(m.most), m.requests, m.wrong)
	}
	w.Flush()
	b.Log(s.String())
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
