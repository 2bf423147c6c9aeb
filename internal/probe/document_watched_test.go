package probe

import (
	"bytes"
	"testing"

	"github.com/honeydue/honeydue/internal/report"
)

func TestDocumentOfWhatWasWatched(t *testing.T) {
	share := 0.4
	r := Result{
		Verdict: "Nothing wrong was found.",
		Cost:    Cost{CatalogMS: 12.5, ClusterRequests: 5},
		Server: &ServerReport{
			UptimeS: 42, WindowS: 5.1, Samples: 10, ConnectionsUsed: 27, ConnectionLimit: 97, BusySessions: 3.4,
			Waits:      []Wait{{"IO:DataFileRead", 1.9}},
			Tables:     []Table{{"tasks", 300000, 60000, 80.2, 12.5, new(float64(3600))}},
			Statements: []StatementCount{{"auth_lookup", 120, 0.24}}, OtherStatementsMS: 310,
		},
		Redis: &RedisReport{
			WindowS: 5, MemoryMB: 201.5, LimitMB: 256, Evicted: 12, Hits: 990, Misses: 10, Clients: 41, PingP50MS: 0.4, PingMaxMS: 2.1, Pings: 50,
			Keys: 48000, Sampled: 1000, Kinds: []KeysKind{{"list:tasks:<id>", 400, 9_600_000, 63_000}},
		},
		Cluster: &ClusterReport{Namespace: "honeydue", Pods: []Pod{{"honeydue-7d9f8-0", true, 0, &share}, {"honeydue-7d9f8-1", false, 3, nil}}},
	}
	for _, format := range []report.Format{report.FormatTable, report.FormatJSON} {
		var got bytes.Buffer
		if err := report.Write(&got, format, r.Document(), report.Options{}); err != nil {
			t.Fatal(err)
		}
		golden(t, "watched."+string(format), got.Bytes())
	}
}
