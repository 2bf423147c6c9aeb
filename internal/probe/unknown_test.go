package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// looks is an observation of some looks at the sessions.
func looks(samples ...activity) *observation { return watched(serverFacts{samples: samples}) }

// TestLockChainsAreEndedOnlyWhileTheyStand: the remedy is about what the last look saw.
func TestLockChainsAreEndedOnlyWhileTheyStand(t *testing.T) {
	const now = 1_795_000_000_000_000 // 2026-11-18 11:06:40, in microseconds
	chain := func(root pgSession, waits float64) activity {
		return activity{At: now, Sessions: []pgSession{root, {PID: 2, Blockers: []int64{root.PID}, WaitsS: waits}}}
	}
	root := pgSession{PID: 7, State: "active", XactS: 3.29, XactAt: now - 3_290_001}
	hit := func(o *observation) hit {
		t.Helper()
		got := lockChains(o)
		if len(got.hits) != 1 {
			t.Fatalf("it finds %+v", got)
		}
		return got.hits[0]
	}
	if h := hit(looks(activity{}, chain(root, 2))); !strings.Contains(h.remedy, "pid = 7 AND xact_start = '2026-11-18 11:06:36.709999+00'\"") {
		t.Errorf("a chain that stands: %s", h.remedy)
	}
	h := hit(looks(chain(root, 2), activity{}))
	if h.severity != Warning || strings.Contains(h.remedy, "terminate") || strings.Contains(h.remedy, "7") || !strings.Contains(h.evidence, "In the last sample this was over") {
		t.Errorf("a chain that is over: %+v", h)
	}
	other := pgSession{PID: 9, State: "active", XactS: 1}
	if h := hit(looks(chain(root, 5), chain(other, 1))); !strings.Contains(h.remedy, "pid = 9 ") {
		t.Errorf("an older chain hides the one that stands: %+v", h)
	}
	// Of a root that is hidden no more is known than that it began before the others waited.
	unseen := activity{At: now, Sessions: []pgSession{{PID: 2, Blockers: []int64{7}, WaitsS: 1.5}}}
	if h := hit(looks(unseen)); !strings.Contains(h.remedy, "pid = 7 AND xact_start < '2026-11-18 11:06:38.500000+00'\"") {
		t.Errorf("a hidden root: %+v", h)
	}
	prepared := activity{Sessions: []pgSession{{PID: 2, Blockers: []int64{0}, WaitsS: 1}}}
	if h := hit(looks(prepared)); !strings.Contains(h.remedy, "ROLLBACK PREPARED") || strings.Contains(h.remedy, "terminate") {
		t.Errorf("a prepared transaction: %+v", h)
	}
}

func TestIdleAndLongAreEndedOnlyWhileTheyLast(t *testing.T) {
	o := looks(activity{Sessions: []pgSession{
		{PID: 7, State: idleInTransaction, StateS: 5, XactS: 6.78, XactAt: 1_795_000_000_000_001},
		{PID: 8, State: "active", XactS: 20, XactAt: 1_794_999_999_000_000},
	}})
	if r := idleTransactions(o).hits[0].remedy; !strings.Contains(r, "pid = 7 AND xact_start = '2026-11-18 11:06:40.000001+00' AND state LIKE 'idle in transaction%'") {
		t.Error(r)
	}
	if r := longTransactions(o).hits[0].remedy; !strings.Contains(r, "pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = 8 AND xact_start = '2026-11-18 11:06:39.000000+00'\"") {
		t.Error(r)
	}
}

// TestThrottlingNotCounted: a counter that stood still, or was seen once only, says nothing.
func TestThrottlingNotCounted(t *testing.T) {
	var limited podFacts
	if err := json.Unmarshal([]byte(`{"spec": {"nodeName": "node-1", "containers": [{"name": "honeydue", "resources": {"limits": {"cpu": "1"}}}]}}`), &limited); err != nil {
		t.Fatal(err)
	}
	judge := func(counts ...throttled) outcome {
		return podThrottling(&observation{cluster: &clusterFacts{pods: []podFacts{limited}, throttle: counts}})
	}
	still, fine, bad := throttled{pod: "a"}, throttled{pod: "b", periods: 50}, throttled{pod: "c", periods: 50, throttled: 40}
	if got := judge(still, fine); !got.unknown || !strings.Contains(got.why, "No CPU period") {
		t.Errorf("a counter that stands still: %+v", got)
	}
	if got := judge(fine); got.unknown || len(got.hits) != 0 {
		t.Errorf("nothing throttled: %+v", got)
	}
	if got := judge(still, bad); len(got.hits) != 1 {
		t.Errorf("one throttled beside one unknown: %+v", got)
	}

	// Then its whole life is judged, if that is more than a busy start.
	since := func(whole throttled) outcome {
		return podThrottling(&observation{cluster: &clusterFacts{
			pods: []podFacts{limited}, throttle: []throttled{still}, throttledSince: map[string]throttled{"a": whole},
		}})
	}
	if got := since(throttled{pod: "a", periods: 1000, throttled: 300, seconds: 15}); len(got.hits) != 1 ||
		!strings.Contains(got.hits[0].evidence, "in 300 of 1000 periods of 100 ms (30%), for 15.00 s in total since it started") || got.hits[0].costMS != 15 {
		t.Errorf("throttled in 30%% of its life: %+v", got)
	}
	for _, whole := range []throttled{{pod: "a", periods: 1000, throttled: 200}, {pod: "a", periods: 300, throttled: 200}} {
		if got := since(whole); !got.unknown {
			t.Errorf("throttled in %v of %v periods of its life: %+v", whole.throttled, whole.periods, got)
		}
	}

	// What was left out is named.
	some := &clusterFacts{pods: []podFacts{limited, limited}, throttle: []throttled{fine}, nodesLeft: []string{"node-4", "node-5"}}
	if got := podThrottling(&observation{cluster: some}); !strings.Contains(got.why, "The pods on node-4, node-5 were skipped") {
		t.Errorf("two nodes were not asked: %+v", got)
	}
	some.throttle = []throttled{{periods: 50}}
	if got := podThrottling(&observation{cluster: some}); !strings.Contains(got.why, "Only this probe's own container was checked") {
		t.Errorf("one of two pods was counted: %+v", got)
	}

	// At the second look there is a pod that was not there, and one whose counters began anew.
	kubelet := scrapes{"", ""}
	for i, counts := range []map[string]int{{"a": 100, "b": 500}, {"a": 150, "b": 20, "new": 70}} {
		for pod, periods := range counts {
			kubelet[i] += fmt.Sprintf("container_cpu_cfs_periods_total{container=\"honeydue\",namespace=\"honeydue\",pod=%q} %d\n", pod, periods)
		}
	}
	f := &clusterFacts{pods: []podFacts{limited}, unread: map[string]string{}}
	over := make(chan struct{})
	close(over)
	f.watchThrottling(t.Context(), &kubelet, Cluster{Namespace: "honeydue"}, time.Millisecond, over)
	if want := []throttled{{pod: "a", periods: 50}, {pod: "b"}, {pod: "new"}}; !slices.Equal(f.throttle, want) {
		t.Errorf("it counts %+v, want %+v", f.throttle, want)
	}
}

// TestThrottlingIsLookedAtLate: the second look comes when everything else is over, or while there is still time for it.
func TestThrottlingIsLookedAtLate(t *testing.T) {
	var limited podFacts
	if err := json.Unmarshal([]byte(`{"spec": {"nodeName": "node-1", "containers": [{"name": "honeydue", "resources": {"limits": {"cpu": "1"}}}]}}`), &limited); err != nil {
		t.Fatal(err)
	}
	periods := func(n int) string {
		return fmt.Sprintf("container_cpu_cfs_periods_total{container=\"honeydue\",namespace=\"honeydue\",pod=\"a\"} %d\n", n)
	}
	for name, never := range map[string]bool{"everything else is over": false, "something else takes all the time": true} {
		kubelet := scrapes{periods(1000), periods(1040)}
		f := &clusterFacts{pods: []podFacts{limited}, unread: map[string]string{}}
		over, done := make(chan struct{}), make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		go func() {
			defer close(done)
			f.watchThrottling(ctx, &kubelet, Cluster{Namespace: "honeydue"}, 0, over)
		}()
		if !never {
			select {
			case <-done:
				t.Errorf("%s: the second look was made before that", name)
			case <-time.After(50 * time.Millisecond):
			}
			close(over)
		}
		<-done
		if want := []throttled{{pod: "a", periods: 40}}; ctx.Err() != nil || !slices.Equal(f.throttle, want) || f.throttledSince["a"].periods != 1040 {
			t.Errorf("%s: it counts %+v, since the start %+v", name, f.throttle, f.throttledSince)
		}
		cancel()
	}
}

// scrapes are the answers of a kubelet, one after the other.
type scrapes []string

func (s *scrapes) get(context.Context, string) ([]byte, error) {
	body := (*s)[0]
	*s = (*s)[1:]
	return []byte(body), nil
}

// TestOwnLookupsAreNotCounted: the probe reads hundreds of states, and Redis counts each as a hit.
func TestOwnLookupsAreNotCounted(t *testing.T) {
	s := probeRedis(t.Context(), labtest.Redis(t))
	if s.failed != nil {
		t.Fatal(s.failed)
	}
	defer s.close()
	for i := range 300 {
		if err := s.client.Set(t.Context(), cache.StateKey(cache.UserScope(int64(i+1))), "0123456789abcdef", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s.watch(t.Context(), time.Now().Add(50*time.Millisecond), true)
	if n := s.facts.grew("keyspace_hits") + s.facts.grew("keyspace_misses"); n != 0 || s.facts.holds.looked != 300 {
		t.Errorf("it looked at %d states, and counts %d look-ups of others", s.facts.holds.looked, n)
	}
}

// TestTheSearchForStatesGoesOn: among many keys it does not end with its first steps, and says whether it has seen all.
func TestTheSearchForStatesGoesOn(t *testing.T) {
	s := probeRedis(t.Context(), labtest.Redis(t))
	if s.failed != nil {
		t.Fatal(s.failed)
	}
	defer s.close()
	const others, few = 2 * scanCount * scanSteps, 7
	p := s.client.Pipeline()
	for i := range others {
		p.Set(t.Context(), fmt.Sprintf("other:%d", i), "x", 0)
	}
	for i := range few {
		p.Set(t.Context(), cache.StateKey(cache.UserScope(int64(i+1))), "x", 0)
	}
	if _, err := p.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	look := func() (names map[string]bool, whole bool) {
		names = map[string]bool{}
		whole, err := scanKeys(t.Context(), s.client, cache.AllStates, names)
		if err != nil {
			t.Fatal(err)
		}
		return names, whole
	}
	names, whole := look()
	for range 20 { // a machine that is busy may take the time away from one
		if whole {
			break
		}
		names, whole = look()
	}
	if !whole || len(names) != few {
		t.Errorf("%d of %d states are found, all %v", len(names), few, whole)
	}
	if whole, err := scanKeys(t.Context(), s.client, "", map[string]bool{}); whole || err != nil {
		t.Errorf("all of %d keys were passed: %v, %v", others, whole, err)
	}
}

// TestNotMeasuredIsNoPass: what nothing was seen of is unknown.
func TestNotMeasuredIsNoPass(t *testing.T) {
	redis := func(f redisFacts) *observation {
		f.refused = map[string]*failure{}
		return &observation{redis: &redisServer{facts: &f}}
	}
	monitor := func(threshold string) *observation {
		return redis(redisFacts{config: map[string]string{"latency-monitor-threshold": threshold}})
	}
	held := func(gap time.Duration) *observation {
		return redis(redisFacts{holds: heldStates{looked: 3, first: map[string]string{cache.StateKey(cache.UserScope(1)): "x"}, gap: gap}})
	}
	states := func(n int, all, used bool) *observation {
		return redis(redisFacts{holds: heldStates{looked: n, copies: n}, sample: keySample{keys: 500_000, whole: all, allStates: all}, shared: sharedState{used: used}})
	}
	for _, c := range []struct {
		name    string
		o       *observation
		check   func(*observation) outcome
		unknown bool
	}{
		{"no sequence is hidden", watched(serverFacts{}), sequences, false},
		{"a sequence is hidden", watched(serverFacts{limits: limitFacts{HiddenSequences: 1}}), sequences, true},
		{"no table was analysed", watched(serverFacts{tables: []tableSpace{{Name: "tasks", Bytes: 1 << 30}}}), bloat, true},
		{"one was", watched(serverFacts{tables: []tableSpace{{Name: "tasks"}, {Name: "users", Width: 40}}}), bloat, false},
		{"the latency monitor is off", monitor("0"), redisLatencyEvents, true},
		{"whether it is on was not told", monitor(""), redisLatencyEvents, true},
		{"it notes minutes only", monitor("60000"), redisLatencyEvents, true},
		{"it is on", monitor("50"), redisLatencyEvents, false},
		{"a part of the states was seen", states(statesFewest-1, false, true), holdsLinger, true},
		{"enough of them", states(statesFewest, false, true), holdsLinger, false},
		{"all of them, however few", states(0, true, true), holdsLinger, false},
		{"there can be none", states(0, false, false), holdsLinger, false},
		{"a part of the copies was seen", states(copiesFewest-1, false, true), statesMissing, true},
		{"enough of those", states(copiesFewest, false, true), statesMissing, false},
		{"all copies, however few", states(0, true, true), statesMissing, false},
		{"there can be no copies", states(0, false, false), statesMissing, false},
		{"held, and looked at briefly", held(time.Second), holdsLinger, true},
		{"held, but was watched for long", held(cache.Patience), holdsLinger, false},
	} {
		if got := c.check(c.o); got.unknown != c.unknown || len(got.hits) > 0 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestWorkMemHasACap: what would take gigabytes of a small server is mended in the statement.
func TestWorkMemHasACap(t *testing.T) {
	o := &observation{facts: &databaseFacts{sessionFacts: sessionFacts{workMemKB: 4096}}}
	if r := o.moreWorkMem("task_board", 16<<10); !strings.Contains(r, "SET work_mem = '64MB'") {
		t.Error(r)
	}
	if r := o.moreWorkMem("task_board", 16<<10+1); strings.Contains(r, "SET work_mem") || !strings.Contains(r, `select(.name == "task_board")`) {
		t.Error(r)
	}
}

// TestNothingToLookUp: an address needs no resolver, and of a name that was never looked up nothing is known.
func TestNothingToLookUp(t *testing.T) {
	for address, unknown := range map[string]bool{"127.0.0.1:5432": false, "[::1]:5432": false, "db.example:5432": true} {
		o := &observation{pooler: &pgServer{endpoint: Endpoint{Name: "pooler", Address: address, FloorMS: 20}}}
		if got := slowNames(o); got.unknown != unknown || len(got.hits) > 0 {
			t.Errorf("%s: %+v, want unknown %v", address, got, unknown)
		}
	}
}

// TestColdLookUp: what only the first look-up pays is no finding, and a single one is a remark.
func TestColdLookUp(t *testing.T) {
	judge := func(times ...float64) []hit {
		o := &observation{pooler: &pgServer{endpoint: Endpoint{Name: "pooler", FloorMS: 20}}, lookups: lookups{"pooler": times}}
		return slowNames(o).hits
	}
	if got := judge(900, 0.4, 1); len(got) != 0 {
		t.Errorf("a cold look-up: %+v", got)
	}
	if got := judge(900, 300, 320); len(got) != 1 || !strings.Contains(got[0].evidence, "took at least 300 ms in each of 3 lookups") || got[0].severity != "" {
		t.Errorf("each takes long: %+v", got)
	}
	if got := judge(900); len(got) != 1 || got[0].severity != Info {
		t.Errorf("the only one: %+v", got)
	}
}
