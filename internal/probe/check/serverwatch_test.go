package check

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

func watched(f facts.ServerFacts) *facts.Observation {
	f.Window = 5 * time.Second
	return &facts.Observation{Server: &f}
}

// TestServerThresholds judges what the lab can't be brought to.
func TestServerThresholds(t *testing.T) {
	replica := func(lag float64) *facts.Observation {
		var r facts.ReplicationFacts
		r.Followers = append(r.Followers, struct {
			App         string   `json:"app"`
			State       string   `json:"state"`
			LagS        *float64 `json:"lag_s"`
			BehindBytes *float64 `json:"behind_bytes"`
		}{"walreceiver", "streaming", &lag, new(float64(300 << 20))})
		return watched(facts.ServerFacts{Replication: r})
	}
	slot := func(active bool) *facts.Observation {
		var r facts.ReplicationFacts
		r.Slots = append(r.Slots, struct {
			Active    bool     `json:"active"`
			KeptBytes *float64 `json:"kept_bytes"`
		}{active, new(float64(2 << 30))})
		return watched(facts.ServerFacts{Replication: r})
	}
	hidden := replica(0)
	hidden.Server.Replication.Followers[0].State = "hidden"
	ids := func(age float64) *facts.Observation {
		return watched(facts.ServerFacts{Limits: facts.LimitFacts{XIDAge: age}})
	}
	blocks := func(hits, read float64) *facts.Observation {
		return watched(facts.ServerFacts{Last: facts.DatabaseCounters{Hit: hits, Read: read, CountedS: 10}})
	}
	onNeon := func(o *facts.Observation, schema string) *facts.Observation {
		o.Server.Extensions = facts.ExtensionFacts{Offered: []string{"neon"}, NeonSchema: schema}
		return o
	}
	cached := func(hits, misses float64) *facts.Observation {
		o := onNeon(blocks(30_000, 20_000), "neon")
		o.Server.FirstCache = facts.FileCacheCounters{Hits: new(float64(0)), Misses: new(float64(0))}
		o.Server.LastCache = facts.FileCacheCounters{Hits: &hits, Misses: &misses}
		return o
	}
	hour := cached(900, 100)
	hour.Server.Last.CountedS = 7200
	old := blocks(900, 100)
	old.Server.First, old.Server.Last.CountedS = old.Server.Last, 7200
	for _, c := range []struct {
		name  string
		o     *facts.Observation
		check func(*facts.Observation) Outcome
		want  string // of the evidence; empty for a pass
	}{
		{"a young server's ids", ids(2e8), transactionIDs, ""},
		{"half of the ids", ids(1.2e9), transactionIDs, "1200 million transactions old"},
		{"a replica that has caught up", replica(0.1), replicationLag, ""},
		{"a replica behind", replica(40), replicationLag, "40 s and 300.0 MB behind"},
		{"a slot in use", slot(true), replicationLag, ""},
		{"a slot left behind", slot(false), replicationLag, "2048.0 MB"},
		{"cold reads", blocks(30_000, 20_000), CacheHit, "60.0% of the blocks came from memory"},
		{"few cold reads of a young server", blocks(0, 5000), CacheHit, ""},
		{"an hour of cold reads", old, CacheHit, "90.0%"},
		{"cold reads on Neon, of whatever", onNeon(blocks(30_000, 20_000), ""), CacheHit, "20000 from the compute's local file cache or the page server"},
		{"reads of the local file cache", cached(20_000, 0), CacheHit, ""},
		{"few from the page server", cached(0, 5000), CacheHit, ""},
		{"reads of the page server", cached(10_000, 10_000), CacheHit, "50.0% of the pages missing from shared_buffers came from the compute's local file cache and 10000 from the page server"},
		{"an hour of the page server", hour, CacheHit, "Since the compute started, 90.0%"},
	} {
		got := c.check(c.o)
		switch {
		case got.Unknown:
			t.Errorf("%s is unknown: %s", c.name, got.Why)
		case c.want == "" && len(got.Hits) > 0:
			t.Errorf("%s finds %+v", c.name, got.Hits)
		case c.want != "" && (len(got.Hits) != 1 || !strings.Contains(got.Hits[0].Evidence, c.want)):
			t.Errorf("%s finds %+v, want %q", c.name, got.Hits, c.want)
		}
	}
	if got := CacheHit(onNeon(blocks(30_000, 20_000), "")).Hits[0]; got.severity != facts.Info || !strings.Contains(got.Remedy, "\nCREATE EXTENSION neon;") {
		t.Errorf("what can't be told apart is no remark: %+v", got)
	}
	if got := CacheHit(onNeon(blocks(30_000, 20_000), "neon")); !got.Unknown {
		t.Errorf("a compute without a cache is judged: %+v", got)
	}
	if got := replicationLag(hidden); !got.Unknown {
		t.Errorf("a replica that can't be seen is no pass: %+v", got)
	}
	if got := ids(1.7e9); transactionIDs(got).Hits[0].severity != facts.Critical {
		t.Error("1.7 billion ids are not critical")
	}
}

// TestHiddenSessionsAreNoPass: a role that may not see what others do can't say that nobody waits.
func TestHiddenSessionsAreNoPass(t *testing.T) {
	hidden := facts.Activity{Held: []facts.HeldBy{{State: facts.HiddenState, N: 2, OfDatabase: 2}}}
	o := watched(facts.ServerFacts{Samples: []facts.Activity{hidden, hidden, hidden}})
	for name, check := range map[string]func(*facts.Observation) Outcome{
		"lock chains": LockChains, "idle": IdleTransactions, "long": longTransactions, "waits": waitEvents,
	} {
		if got := check(o); !got.Unknown || !strings.Contains(got.Why, "pg_monitor") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	elsewhere := facts.Activity{Held: []facts.HeldBy{{State: facts.HiddenState, N: 2}}}
	if got := LockChains(watched(facts.ServerFacts{Samples: []facts.Activity{elsewhere}})); got.Unknown {
		t.Errorf("sessions of another database hide nothing: %s", got.Why)
	}
}
