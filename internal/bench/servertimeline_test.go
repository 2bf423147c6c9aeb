package bench

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// testInstants are readings of all sources, one a second, the same each time: 50 requests a second, two statements
// for each. Redis does not answer at second 2.
func testInstants(n int) []instant {
	out := make([]instant, n)
	for i := range out {
		k := float64(i)
		out[i] = instant{
			at: time.Duration(i) * time.Second, ended: int64(50 * i),
			server: &serverPage{
				honeydue: true, acquires: 50 * k, waited: 5 * k * k, acquireSeconds: 0.05 * k * k, inUse: float64(5 + i%7), idle: float64(20 - i%7), most: 25, turns: 15 * k,
				hits: 40 * k, lookups: 50 * k, cpuSeconds: 0.3 * k, cores: 2, memory: 64 * mebibyte, goroutines: 61,
			},
			pools:      &store.Pools{ClientsActive: int64(i % 4), ClientsWaiting: int64(max(0, i-3)), ServersActive: int64(i % 4), ServersIdle: int64(4 - i%4), MaxWait: time.Duration(i) * time.Millisecond},
			statements: &store.StatementTotals{Calls: int64(1000 + 100*i), ExecMS: 70 * k},
			redis:      &redisAccount{hits: 90 * k, misses: 10 * k, evicted: 3 * k, memory: 12.5 * mebibyte, clients: 9},
		}
	}
	if n > 2 {
		out[2].redis = nil
	}
	return out
}

func testServerTimeline(n int) *ServerTimeline {
	return serverTimeline(testInstants(n), SamplingCost{Readings: n, Turns: int64(4*n + 3), MS: 12.5})
}

// wants compares a series with its values, -1 for null.
func wants(t *testing.T, tl *ServerTimeline, name string, mean, most float64, values ...float64) {
	t.Helper()
	s := tl.named(name)
	if s == nil {
		t.Errorf("there is no series %s", name)
		return
	}
	near := func(a *float64, b float64) bool {
		return (a == nil) == (b < 0) && (a == nil || math.Abs(*a-b) < 0.0011)
	}
	ok := near(s.Mean, mean) && near(s.Max, most) && len(s.Values) == len(values)
	for i, v := range values {
		ok = ok && near(s.Values[i], v)
	}
	if !ok {
		got := make([]float64, 0, len(values))
		for _, v := range s.Values {
			got = append(got, deref(v))
		}
		t.Errorf("%s: %v, mean %v, most %v; want %v, %v, %v", name, got, deref(s.Mean), deref(s.Max), values, mean, most)
	}
}

func TestSeriesAreMadeOfReadings(t *testing.T) {
	tl := testServerTimeline(5)
	wants(t, tl, "db_calls_per_request", 2, 2, 2, 2, 2, 2)
	wants(t, tl, seriesPoolTurns, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)
	wants(t, tl, "db_exec_ms_per_call", 0.7, 0.7, 0.7, 0.7, 0.7, 0.7)
	wants(t, tl, "db_exec_ms_per_s", 70, 70, 70, 70, 70, 70)
	wants(t, tl, "cache_hit_pct", 80, 80, 80, 80, 80, 80)
	wants(t, tl, "cpu_pct", 30, 30, 30, 30, 30, 30)
	wants(t, tl, "pool_acquire_ms", 4, 7, 1, 3, 5, 7)
	wants(t, tl, "pool_waited_per_s", 20, 35, 5, 15, 25, 35)
	// After the last answer nothing is under way: what is held and who waits then is not the load's.
	wants(t, tl, "pooler_cl_waiting", 0, 0, 0, 0, 0, -1)
	wants(t, tl, "pooler_maxwait_ms", 2, 3, 1, 2, 3, -1)
	// Without the reading of second 2, what it missed is in that of second 3, and a mean counts it once.
	wants(t, tl, "redis_hit_pct", 90, 90, 90, -1, 90, 90)
	wants(t, tl, "redis_evicted_per_s", 3, 3, 3, -1, 3, 3)
	wants(t, tl, "redis_memory_mib", 12.5, 12.5, 12.5, -1, 12.5, 12.5)
	if err := tl.check(); err != nil {
		t.Error(err)
	}
}

func TestSeriesWithGaps(t *testing.T) {
	all := testInstants(4)
	all[2].server = &serverPage{honeydue: true, acquires: 3, hits: nan(), lookups: nan(), cpuSeconds: 0.1, inUse: 1} // restarted
	all[3].server = nil
	all[1].ended = 0 // nobody had an answer yet
	for i := range all {
		all[i].pools = nil
		if i > 0 {
			all[i].statements = nil
		}
	}
	tl := serverTimeline(all, SamplingCost{})
	wants(t, tl, "cpu_pct", 30, 30, 30, -1, -1)
	wants(t, tl, "pool_in_use", 3.5, 6, 6, 1, -1)
	wants(t, tl, "cache_hit_pct", 80, 80, 80, -1, -1)
	for _, name := range []string{seriesPoolerWaiting, "db_calls_per_request"} {
		if tl.named(name) != nil {
			t.Errorf("%s was never told, and is there", name)
		}
	}
	all = testInstants(4)
	all[2].server.memory = math.Inf(1) // JSON can't say it
	all[3].server.acquireSeconds = math.Inf(1)
	wants(t, serverTimeline(all, SamplingCost{}), "memory_mib", 64, 64, 64, -1, 64)
	if _, err := json.Marshal(serverTimeline(all, SamplingCost{})); err != nil {
		t.Errorf("a report with an Inf in it is lost: %v", err)
	}
	for n := range 2 { // no reading, and none to compare with
		if tl := serverTimeline(testInstants(n), SamplingCost{}); len(tl.AtMS) != 0 || len(tl.Series) != 0 {
			t.Errorf("of %d readings: %+v", n, tl)
		}
	}
}

func TestADamagedServerTimelineIsRefused(t *testing.T) {
	for what, damage := range map[string]func(*ServerTimeline){
		"in no order": func(tl *ServerTimeline) { tl.AtMS[1] = tl.AtMS[0] - 1 },
		"values of":   func(tl *ServerTimeline) { tl.Series[0].Values = nil },
	} {
		tl := testServerTimeline(5)
		damage(tl)
		if err := tl.check(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, not %q", err, what)
		}
	}
}

func TestReadMetrics(t *testing.T) {
	page, err := readMetrics(strings.NewReader(`# TYPE honeydue_db_pool_connections gauge
honeydue_db_pool_connections{state="idle"} 18
honeydue_db_pool_connections{state="in_use"} 2
# TYPE honeydue_db_pool_acquires_total counter
honeydue_db_pool_acquires_total 1.5e+03
# TYPE honeydue_cache_reads_total counter
honeydue_cache_reads_total{cache="list",verdict="hit"} 30
honeydue_cache_reads_total{cache="list",verdict="miss"} 10
honeydue_cache_reads_total{cache="token",verdict="hit"} 500
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.25
`))
	if err != nil || !page.honeydue || page.idle != 18 || page.inUse != 2 || page.acquires != 1500 || page.hits != 30 || page.lookups != 40 || page.cpuSeconds != 12.25 {
		t.Errorf("%+v, %v", page, err)
	}
	if !math.IsNaN(page.memory) {
		t.Errorf("what the page does not say is %v", page.memory)
	}
	page, err = readMetrics(strings.NewReader("process_cpu_seconds_total 1\n"))
	if err != nil || page.honeydue || !math.IsNaN(page.hits) || page.cpuSeconds != 1 {
		t.Errorf("another server's page: %+v, %v", page, err)
	}
	if _, err := readMetrics(strings.NewReader("<html>no metrics</html>")); err == nil {
		t.Error("a page of something else was read")
	}
}
