package render

import (
	"bytes"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

func TestDocumentOfWhatWasWatched(t *testing.T) {
	share := 0.4
	r := facts.Result{
		Verdict: "Nothing wrong was found.",
		Cost:    facts.Cost{CatalogMS: 12.5, ClusterRequests: 5},
		Server: &facts.ServerReport{
			UptimeS: 42, WindowS: 5.1, Samples: 10, ConnectionsUsed: 27, ConnectionLimit: 97, BusySessions: 3.4,
			Waits:      []facts.Wait{{Event: "IO:DataFileRead", Sessions: 1.9}},
			Tables:     []facts.Table{{Name: "tasks", LiveRows: 300000, DeadRows: 60000, SizeMB: 80.2, BloatMB: 12.5, VacuumedS: new(float64(3600))}},
			Statements: []facts.StatementCount{{Name: "auth_lookup", Calls: 120, MeanMS: 0.24}}, OtherStatementsMS: 310,
		},
		Redis: &facts.RedisReport{
			WindowS: 5, MemoryMB: 201.5, LimitMB: 256, Evicted: 12, Hits: 990, Misses: 10, Clients: 41, PingP50MS: 0.4, PingMaxMS: 2.1, Pings: 50,
			Keys: 48000, Sampled: 1000, Kinds: []facts.KeysKind{{Pattern: "list:tasks:<id>", Keys: 400, Bytes: 9_600_000, LargestBytes: 63_000}},
		},
		Cluster: &facts.ClusterReport{Namespace: "honeydue", Pods: []facts.Pod{{Name: "honeydue-7d9f8-0", Ready: true, Restarts: 0, ThrottledShare: &share}, {Name: "honeydue-7d9f8-1", Ready: false, Restarts: 3, ThrottledShare: nil}}},
	}
	for _, format := range []report.Format{report.FormatTable, report.FormatJSON} {
		var got bytes.Buffer
		if err := report.Write(&got, format, Document(r), report.Options{}); err != nil {
			t.Fatal(err)
		}
		golden(t, "watched."+string(format), got.Bytes())
	}
}
