package probe

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// consoleSaid is an observation in which the console was asked twice, 10 s apart.
func consoleSaid(before, after poolerStats) *observation {
	none := map[string]bool{}
	return &observation{
		config: Config{AdminURL: "set"}, pooler: &pgServer{pooled: true},
		ways: waysFacts{console: &poolerFacts{
			poolSize: 20,
			before:   consoleMoment{known: true, stats: before, servers: none},
			after:    consoleMoment{known: true, at: 10000, stats: after, servers: none},
		}},
	}
}

// TestHaveWaited: an average counts from enough statements on, and not while connections are being opened.
func TestHaveWaited(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after poolerStats
		own           int64
		found         bool
	}{
		{"nobody waited", poolerStats{waits: 5000}, poolerStats{waits: 5100}, 0, false},
		{"each waited 20 ms", poolerStats{waits: 5000}, poolerStats{waits: 5100, waitMS: 2000}, 0, true},
		{"each of few that have many queries", poolerStats{waits: 5000}, poolerStats{waits: 5100, queries: 1000, waitMS: 2000}, 0, true},
		{"each of too few", poolerStats{waits: 5000}, poolerStats{waits: 5010, waitMS: 200}, 0, false},
		{"half of them are others'", poolerStats{waits: 5000}, poolerStats{waits: 5100, waitMS: 2000}, 50, true},
		{"most of them are the probe's own", poolerStats{waits: 5000}, poolerStats{waits: 5100, waitMS: 2000}, 51, false},
		{"too few are others'", poolerStats{waits: 5000}, poolerStats{waits: 5025, waitMS: 500}, 6, false},
		{"more are the probe's own than were counted", poolerStats{waits: 5000}, poolerStats{waits: 5100, waitMS: 2000}, 130, false},
	} {
		o := consoleSaid(c.before, c.after)
		o.ways.ownTurns = c.own
		out := haveWaited(o)
		if got := len(out.hits) > 0; got != c.found || out.unknown {
			t.Errorf("%s: %+v", c.name, out)
		}
	}
	opening := consoleSaid(poolerStats{}, poolerStats{waits: 100, waitMS: 2000})
	opening.ways.console.between = map[string]bool{"1 now": true}
	if out := haveWaited(opening); len(out.hits) > 0 {
		t.Errorf("a new pooler that opens its connections is blamed: %+v", out)
	}
}

// TestAQueueThatComesAndGoes: too few hot paths meet it for HD-P04, and one that did does not hide it from HD-P10.
func TestAQueueThatComesAndGoes(t *testing.T) {
	o := consoleSaid(poolerStats{waits: 5000}, poolerStats{waits: 5500, waitMS: 500 * 60})
	for range 30 {
		o.hot = append(o.hot, HotPath{Runs: 3})
	}
	o.hot[0].ResidualName, o.hot[0].ResidualMS = "pooler wait", 80
	if out := poolerWait(o); len(out.hits) > 0 {
		t.Errorf("one hot path of thirty is a queue: %+v", out)
	}
	if out := haveWaited(o); len(out.hits) != 1 || out.hits[0].costMS != 60 {
		t.Errorf("each statement waited 60 ms, and it says %+v", out)
	}
	if !o.queues() {
		t.Error("each statement waited 60 ms, and nobody queues")
	}
	o.ways.console.after.stats.waitMS = 0
	if o.queues() {
		t.Error("one hot path that waited alone mutes what is said of the network")
	}
}

// TestClientsInTheQueue: one client that is there for a moment is no queue; one that waits, or is there both times, is.
func TestClientsInTheQueue(t *testing.T) {
	for _, c := range []struct {
		name    string
		atFirst int64
		last    store.Pools
		found   bool
	}{
		{"nobody", 0, store.Pools{}, false},
		{"one for 0.3 ms", 0, store.Pools{ClientsWaiting: 1, MaxWait: 300 * time.Microsecond}, false},
		{"one for 10 ms", 0, store.Pools{ClientsWaiting: 1, MaxWait: 10 * time.Millisecond}, true},
		{"some both times", 2, store.Pools{ClientsWaiting: 1, MaxWait: 300 * time.Microsecond}, true},
		{"some at first", 2, store.Pools{}, false},
	} {
		o := consoleSaid(poolerStats{}, poolerStats{})
		o.ways.console.first.ClientsWaiting, o.pools = c.atFirst, &c.last
		if found := len(poolerWait(o).hits) > 0; found != c.found || o.queues() != c.found {
			t.Errorf("%s: found %v, queues %v", c.name, found, o.queues())
		}
	}
}

// TestBusyInEachLook: what the probe's own transactions hold for a moment, in a small pool perhaps both times that SHOW POOLS is
// asked, is not held in most of the looks.
func TestBusyInEachLook(t *testing.T) {
	for _, c := range []struct {
		name        string
		size        int64
		first, last int64
		linked      []int
		found       bool
	}{
		{"eight of ten are held", 10, 8, 9, []int{8, 8, 9, 8}, true},
		{"two of two, both times by the probe", 2, 2, 2, []int{2, 1, 0, 1, 0, 1, 2}, false},
		{"two of two are held", 2, 2, 2, []int{2, 2, 2, 1, 2, 2}, true},
		{"two of two at the end", 2, 0, 2, []int{2, 2, 2, 2}, false},
	} {
		o := consoleSaid(poolerStats{}, poolerStats{})
		f, last := o.ways.console, len(c.linked)-1
		f.poolSize, f.hasPool, f.first.ServersActive, o.pools = c.size, true, c.first, &store.Pools{ServersActive: c.last}
		f.before.linked, f.linked, f.after.linked = c.linked[0], c.linked[1:last], c.linked[last]
		if out := poolerFull(o); (len(out.hits) > 0) != c.found || out.unknown {
			t.Errorf("%s: %+v", c.name, out)
		}
	}
}

// TestIdleTransactions: a tenth of the pool that does nothing all the time is found, however short each is; a
// transaction of long ago that ends meanwhile has held its connection in those looks only that saw it.
func TestIdleTransactions(t *testing.T) {
	for _, c := range []struct {
		name   string
		after  poolerStats
		linked []int
		found  bool
	}{
		{"all of it executes", poolerStats{transactions: 100, transactionMS: 50000, queryMS: 49990}, []int{5, 5, 5}, false},
		{"one of 20 does nothing", poolerStats{transactions: 100, transactionMS: 10000, queryMS: 10}, []int{1, 1, 1}, false},
		{"two of 20 do nothing", poolerStats{transactions: 100, transactionMS: 20100, queryMS: 10}, []int{2, 3, 2}, true},
		{"one has begun a minute ago", poolerStats{transactions: 100, transactionMS: 60100, queryMS: 10}, []int{1, 0, 0}, false},
		{"one of a minute among six that execute", poolerStats{transactions: 100, transactionMS: 120000, queryMS: 60000}, []int{7, 6, 6}, false},
		{"three still do nothing", poolerStats{}, []int{3, 3, 3}, false},
		{"each waits in the queue and executes", poolerStats{transactions: 100, transactionMS: 54500, queryMS: 54500, waitMS: 49000}, []int{1, 1, 1}, false},
		{"two of 20 do nothing, and others wait", poolerStats{transactions: 100, transactionMS: 70100, queryMS: 50010, waitMS: 50000}, []int{2, 3, 2}, true},
	} {
		o := consoleSaid(poolerStats{}, c.after)
		f := o.ways.console
		f.before.linked, f.linked, f.after.linked = c.linked[0], c.linked[1:2], c.linked[2]
		out := idleInPool(o)
		if (len(out.hits) > 0) != c.found || out.unknown {
			t.Errorf("%s: %+v", c.name, out)
		}
		if !c.found && !strings.Contains(out.why, "HD-D05 reports transactions that never end") {
			t.Errorf("%s: %s", c.name, out.why)
		}
	}
}

// TestPoolerSettings: each of the tuned values holds, and a drifted one is named with its remedy.
func TestPoolerSettings(t *testing.T) {
	o := consoleSaid(poolerStats{}, poolerStats{})
	c := o.ways.console
	c.settings = map[string]string{"pool_mode": "transaction"}
	for _, s := range poolerSettings() {
		c.settings[s.name] = s.tuned
	}
	if out := poolerDrifted(o); len(out.hits) > 0 || out.unknown {
		t.Errorf("the tuned values are no drift: %+v", out)
	}
	c.poolMode = "session" // of this database alone
	if out := poolerDrifted(o); len(out.hits) != 1 || out.hits[0].severity != Critical {
		t.Errorf("pool_mode session: %+v", out)
	}
}

// TestWrongEndpointOnNeon: the suffix decides there, and the remedy names the pooler's host.
func TestWrongEndpointOnNeon(t *testing.T) {
	for host, remedy := range map[string]string{
		"ep-cool-sun-1.eu-central-1.aws.neon.tech":        "DB_HOST=ep-cool-sun-1-pooler.eu-central-1.aws.neon.tech ",
		"ep-cool-sun-1-pooler.eu-central-1.aws.neon.tech": "",
	} {
		s := &pgServer{endpoint: Endpoint{Address: host + ":5432"}}
		s.pooled, s.proof = store.ThroughPooler(host, 7, 8) // its proxy makes the first one up
		out := wrongEndpoint(&observation{pooler: s})
		direct := directDown(&observation{direct: s})
		if remedy == "" {
			if len(out.hits) != 0 || len(direct.hits) != 1 || !strings.Contains(out.why, "-pooler") {
				t.Errorf("%s as the app's: %+v; as the direct one: %+v", host, out, direct)
			}
			continue
		}
		if len(out.hits) != 1 || !strings.Contains(out.hits[0].remedy, remedy) || len(direct.hits) != 0 {
			t.Errorf("%s as the app's: %+v; as the direct one: %+v", host, out, direct)
		}
	}
}

// TestCacheStatementIsSafeWhereItIsCarried, and costs failed requests where it is not.
func TestCacheStatementIsSafeWhereItIsCarried(t *testing.T) {
	for _, c := range []struct {
		name   string
		is     preparedSupport
		found  bool
		outage bool
	}{
		{"carried", preparedSupport{known: true, carried: true, how: "it ran on another"}, false, false},
		{"lost", preparedSupport{known: true, how: "it was gone"}, true, true},
		{"not known", preparedSupport{how: "it could not be run"}, true, false},
	} {
		o := &observation{config: Config{ExecMode: "cache_statement"}, pooler: &pgServer{pooled: true, endpoint: Endpoint{FloorMS: 110}}, ways: waysFacts{prepared: c.is}}
		results, findings := judge([]check{{code: "HD-P03", severity: Critical, needs: []part{askedPooler}, run: unsafeMode}}, o, nil, nil)
		if (len(findings) > 0) != c.found || !strings.Contains(results[0].Why, c.is.how) {
			t.Errorf("%s: %+v", c.name, results)
		}
		if len(findings) > 0 && (findings[0].Outage != c.outage || (findings[0].CostMS == failedMS) != c.outage || !c.outage && findings[0].CostMS != 0) {
			t.Errorf("%s: %+v", c.name, findings[0])
		}
	}
}
