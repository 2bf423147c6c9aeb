package collect

import (
	"math"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestRoomInAPool: a server connection may be taken where two are idle, or one is and another can be opened.
func TestRoomInAPool(t *testing.T) {
	for _, c := range []struct {
		name, size   string
		active, idle int64
		room         bool
	}{
		{"two are idle", "2", 0, 2, true},
		{"one is, and the pool is full", "2", 1, 1, false},
		{"one is, and another can be opened", "3", 1, 1, true},
		{"one is, and the pool has no limit", "0", 40, 1, true},
		{"none is", "0", 40, 0, false},
	} {
		p := &poolsConsole{}
		p.sizedAs(&facts.PoolerFacts{Version: facts.Release{1, 24}, Settings: store.ConsoleRow{facts.DefaultPoolSize: c.size}})
		if got := hasSpare(store.Pools{ServersActive: c.active, ServersIdle: c.idle}, p.size.Load()); got != c.room {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// statsRow is a row of SHOW STATS with these figures, in the order in which they are named.
func statsRow(names string, values ...string) store.ConsoleRow {
	r := store.ConsoleRow{}
	for i, name := range strings.Fields(names) {
		r[name] = values[i]
	}
	return r
}

// TestStatisticsByVersion: ten clients ran twenty statements of 50 ms each in a pool of one, on each version. A statement
// executed for 56 ms or 57 and waited for nine others; 1.18 has no average of that, although it shows one.
func TestStatisticsByVersion(t *testing.T) {
	const old = "total_xact_count total_query_count total_xact_time total_query_time total_wait_time avg_xact_count avg_wait_time"
	const young = old + " total_server_assignment_count"
	for _, c := range []struct {
		version                string
		before, after          store.ConsoleRow
		execMS, waitMS, recent float64
	}{
		{
			"1.18.0",
			statsRow(old, "896", "929", "2134260", "2113594", "46429958", "0", "3"),
			statsRow(old, "1096", "1129", "111679992", "111659326", "144513767", "1", "899340"),
			57, 490, -1,
		},
		{
			"1.24.1",
			statsRow(young, "891", "924", "2241138", "2200544", "81892", "0", "14495", "891"),
			statsRow(young, "1091", "1124", "105885103", "105844509", "92445301", "3", "459591", "1091"),
			56, 462, 460,
		},
		{
			"1.26.1",
			statsRow(young, "1486", "1543", "3153496", "3046047", "60465", "0", "3227", "1486"),
			statsRow(young, "1686", "1743", "105313392", "105205943", "91441498", "2", "454648", "1686"),
			54, 457, 455,
		},
	} {
		o := &facts.Observation{Config: facts.Config{AdminURL: "set"}, Pooler: &facts.PGServer{Pooled: true}, Ways: facts.WaysFacts{Console: &facts.PoolerFacts{
			Before: facts.ConsoleMoment{Known: true, Stats: statsOf(c.before)}, After: facts.ConsoleMoment{Known: true, At: 10000, Stats: statsOf(c.after)},
		}}}
		d, why := o.Counted()
		if why != "" {
			t.Fatal(why)
		}
		if got := math.Round(d.ExecutedMS() / float64(d.Queries)); got != c.execMS {
			t.Errorf("%s: a statement executed for %v ms, want %v", c.version, got, c.execMS)
		}
		if got := math.Round(check.MeanWaitMS(d)); got != c.waitMS {
			t.Errorf("%s: a transaction waited %v ms, want %v", c.version, got, c.waitMS)
		}
		if got := math.Round(d.RecentWaitMS); got != c.recent {
			t.Errorf("%s: in the last minute one waited %v ms, want %v", c.version, got, c.recent)
		}
		if math.Round(d.LastedMS()) != math.Round(d.ExecutedMS()) {
			t.Errorf("%s: single statements lasted %v ms and executed for %v", c.version, d.LastedMS(), d.ExecutedMS())
		}
		o.Ways.Console.Linked, o.Ways.Console.Before.Linked, o.Ways.Console.After.Linked = []int{1}, 1, 1
		if hits := check.IdleInPool(o).Hits; len(hits) > 0 {
			t.Errorf("%s: a queue is taken for idle transactions: %+v", c.version, hits)
		}
	}
	busy := statsOf(statsRow(old, "1", "1", "1", "1", "1", "50", "1000000"))
	if busy.RecentWaitMS != 20 {
		t.Errorf("50 transactions a second waited a second together: %v ms each", busy.RecentWaitMS)
	}
}
