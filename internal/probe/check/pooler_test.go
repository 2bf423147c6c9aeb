package check

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// consoleSaid is an observation in which the console was asked twice, 10 s apart.
func consoleSaid(before, after facts.PoolerStats) *facts.Observation {
	none := map[string]bool{}
	return &facts.Observation{
		Config: facts.Config{AdminURL: "set"}, Pooler: &facts.PGServer{Pooled: true},
		Ways: facts.WaysFacts{Console: &facts.PoolerFacts{
			PoolSize: 20,
			Before:   facts.ConsoleMoment{Known: true, Stats: before, Servers: none},
			After:    facts.ConsoleMoment{Known: true, At: 10000, Stats: after, Servers: none},
		}},
	}
}

// TestHaveWaited: an average counts from enough statements on, and not while connections are being opened.
func TestHaveWaited(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after facts.PoolerStats
		own           int64
		found         bool
	}{
		{"nobody waited", facts.PoolerStats{Waits: 5000}, facts.PoolerStats{Waits: 5100}, 0, false},
		{"each waited 20 ms", facts.PoolerStats{Waits: 5000}, facts.PoolerStats{Waits: 5100, WaitMS: 2000}, 0, true},
		{"each of few that have many queries", facts.PoolerStats{Waits: 5000}, facts.PoolerStats{Waits: 5100, Queries: 1000, WaitMS: 2000}, 0, true},
		{"each of too few", facts.PoolerStats{Waits: 5000}, facts.PoolerStats{Waits: 5010, WaitMS: 200}, 0, false},
		{"half of them are others'", facts.PoolerStats{Waits: 5000}, facts.PoolerStats{Waits: 5100, WaitMS: 2000}, 50, true},
		{"most of them are the probe's own", facts.PoolerStats{Waits: 5000}, facts.PoolerStats{Waits: 5100, WaitMS: 2000}, 51, false},
		{"too few are others'", facts.PoolerStats{Waits: 5000}, facts.PoolerStats{Waits: 5025, WaitMS: 500}, 6, false},
		{"more are the probe's own than were counted", facts.PoolerStats{Waits: 5000}, facts.PoolerStats{Waits: 5100, WaitMS: 2000}, 130, false},
	} {
		o := consoleSaid(c.before, c.after)
		o.Ways.OwnTurns = c.own
		out := haveWaited(o)
		if got := len(out.Hits) > 0; got != c.found || out.Unknown {
			t.Errorf("%s: %+v", c.name, out)
		}
	}
	opening := consoleSaid(facts.PoolerStats{}, facts.PoolerStats{Waits: 100, WaitMS: 2000})
	opening.Ways.Console.Between = map[string]bool{"1 now": true}
	if out := haveWaited(opening); len(out.Hits) > 0 {
		t.Errorf("a new pooler that opens its connections is blamed: %+v", out)
	}
}

// TestAQueueThatComesAndGoes: too few hot paths meet it for HD-P04, and one that did does not hide it from HD-P10.
func TestAQueueThatComesAndGoes(t *testing.T) {
	o := consoleSaid(facts.PoolerStats{Waits: 5000}, facts.PoolerStats{Waits: 5500, WaitMS: 500 * 60})
	for range 30 {
		o.Hot = append(o.Hot, facts.HotPath{Runs: 3})
	}
	o.Hot[0].ResidualName, o.Hot[0].ResidualMS = "pooler wait", 80
	if out := poolerWait(o); len(out.Hits) > 0 {
		t.Errorf("one hot path of thirty is a queue: %+v", out)
	}
	if out := haveWaited(o); len(out.Hits) != 1 || out.Hits[0].CostMS != 60 {
		t.Errorf("each statement waited 60 ms, and it says %+v", out)
	}
	if !queues(o) {
		t.Error("each statement waited 60 ms, and nobody queues")
	}
	o.Ways.Console.After.Stats.WaitMS = 0
	if queues(o) {
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
		o := consoleSaid(facts.PoolerStats{}, facts.PoolerStats{})
		o.Ways.Console.First.ClientsWaiting, o.Pools = c.atFirst, &c.last
		if found := len(poolerWait(o).Hits) > 0; found != c.found || queues(o) != c.found {
			t.Errorf("%s: found %v, queues %v", c.name, found, queues(o))
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
		o := consoleSaid(facts.PoolerStats{}, facts.PoolerStats{})
		f, last := o.Ways.Console, len(c.linked)-1
		f.PoolSize, f.HasPool, f.First.ServersActive, o.Pools = c.size, true, c.first, &store.Pools{ServersActive: c.last}
		f.Before.Linked, f.Linked, f.After.Linked = c.linked[0], c.linked[1:last], c.linked[last]
		if out := poolerFull(o); (len(out.Hits) > 0) != c.found || out.Unknown {
			t.Errorf("%s: %+v", c.name, out)
		}
	}
}

// TestIdleTransactions: a tenth of the pool that does nothing all the time is found, however short each is; a
// transaction of long ago that ends meanwhile has held its connection in those looks only that saw it.
func TestIdleTransactions(t *testing.T) {
	for _, c := range []struct {
		name   string
		after  facts.PoolerStats
		linked []int
		found  bool
	}{
		{"all of it executes", facts.PoolerStats{Transactions: 100, TransactionMS: 50000, QueryMS: 49990}, []int{5, 5, 5}, false},
		{"one of 20 does nothing", facts.PoolerStats{Transactions: 100, TransactionMS: 10000, QueryMS: 10}, []int{1, 1, 1}, false},
		{"two of 20 do nothing", facts.PoolerStats{Transactions: 100, TransactionMS: 20100, QueryMS: 10}, []int{2, 3, 2}, true},
		{"one has begun a minute ago", facts.PoolerStats{Transactions: 100, TransactionMS: 60100, QueryMS: 10}, []int{1, 0, 0}, false},
		{"one of a minute among six that execute", facts.PoolerStats{Transactions: 100, TransactionMS: 120000, QueryMS: 60000}, []int{7, 6, 6}, false},
		{"three still do nothing", facts.PoolerStats{}, []int{3, 3, 3}, false},
		{"each waits in the queue and executes", facts.PoolerStats{Transactions: 100, TransactionMS: 54500, QueryMS: 54500, WaitMS: 49000}, []int{1, 1, 1}, false},
		{"two of 20 do nothing, and others wait", facts.PoolerStats{Transactions: 100, TransactionMS: 70100, QueryMS: 50010, WaitMS: 50000}, []int{2, 3, 2}, true},
	} {
		o := consoleSaid(facts.PoolerStats{}, c.after)
		f := o.Ways.Console
		f.Before.Linked, f.Linked, f.After.Linked = c.linked[0], c.linked[1:2], c.linked[2]
		out := IdleInPool(o)
		if (len(out.Hits) > 0) != c.found || out.Unknown {
			t.Errorf("%s: %+v", c.name, out)
		}
		if !c.found && !strings.Contains(out.Why, "HD-D05 reports transactions that never end") {
			t.Errorf("%s: %s", c.name, out.Why)
		}
	}
}

// TestPoolerSettings: each of the tuned values holds, and a drifted one is named with its remedy.
func TestPoolerSettings(t *testing.T) {
	o := consoleSaid(facts.PoolerStats{}, facts.PoolerStats{})
	c := o.Ways.Console
	c.Settings = map[string]string{"pool_mode": "transaction"}
	for _, s := range facts.PoolerSettings() {
		c.Settings[s.Name] = s.Tuned
	}
	if out := poolerDrifted(o); len(out.Hits) > 0 || out.Unknown {
		t.Errorf("the tuned values are no drift: %+v", out)
	}
	c.PoolMode = "session" // of this database alone
	if out := poolerDrifted(o); len(out.Hits) != 1 || out.Hits[0].severity != facts.Critical {
		t.Errorf("pool_mode session: %+v", out)
	}
}

// TestWrongEndpointOnNeon: the suffix decides there, and the remedy names the pooler's host.
func TestWrongEndpointOnNeon(t *testing.T) {
	for host, remedy := range map[string]string{
		"ep-cool-sun-1.eu-central-1.aws.neon.tech":        "DB_HOST=ep-cool-sun-1-pooler.eu-central-1.aws.neon.tech ",
		"ep-cool-sun-1-pooler.eu-central-1.aws.neon.tech": "",
	} {
		s := &facts.PGServer{Endpoint: facts.Endpoint{Address: host + ":5432"}}
		s.Pooled, s.Proof = store.ThroughPooler(host, 7, 8) // its proxy makes the first one up
		out := wrongEndpoint(&facts.Observation{Pooler: s})
		direct := directDown(&facts.Observation{Direct: s})
		if remedy == "" {
			if len(out.Hits) != 0 || len(direct.Hits) != 1 || !strings.Contains(out.Why, "-pooler") {
				t.Errorf("%s as the app's: %+v; as the direct one: %+v", host, out, direct)
			}
			continue
		}
		if len(out.Hits) != 1 || !strings.Contains(out.Hits[0].Remedy, remedy) || len(direct.Hits) != 0 {
			t.Errorf("%s as the app's: %+v; as the direct one: %+v", host, out, direct)
		}
	}
}

// TestCacheStatementIsSafeWhereItIsCarried, and costs failed requests where it is not.
func TestCacheStatementIsSafeWhereItIsCarried(t *testing.T) {
	for _, c := range []struct {
		name   string
		is     facts.PreparedSupport
		found  bool
		outage bool
	}{
		{"carried", facts.PreparedSupport{Known: true, Carried: true, How: "it ran on another"}, false, false},
		{"lost", facts.PreparedSupport{Known: true, How: "it was gone"}, true, true},
		{"not known", facts.PreparedSupport{How: "it could not be run"}, true, false},
	} {
		o := &facts.Observation{Config: facts.Config{ExecMode: "cache_statement"}, Pooler: &facts.PGServer{Pooled: true, Endpoint: facts.Endpoint{FloorMS: 110}}, Ways: facts.WaysFacts{Prepared: c.is}}
		results, findings := Judge([]Check{{Code: "HD-P03", severity: facts.Critical, Needs: []facts.Part{facts.AskedPooler}, run: unsafeMode}}, o, nil, nil)
		if (len(findings) > 0) != c.found || !strings.Contains(results[0].Why, c.is.How) {
			t.Errorf("%s: %+v", c.name, results)
		}
		if len(findings) > 0 && (findings[0].Outage != c.outage || (findings[0].CostMS == failedMS) != c.outage || !c.outage && findings[0].CostMS != 0) {
			t.Errorf("%s: %+v", c.name, findings[0])
		}
	}
}
