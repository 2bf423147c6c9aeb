package render

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// blocks is all that was measured at the running server.
func blocks(t facts.Target) []report.Block {
	out := []report.Block{values(t)}
	if len(t.Reads) > 0 {
		out = append(out, readsTable(t))
	}
	return out
}

// values is what the server says of itself.
func values(t facts.Target) report.KeyValues {
	kv := report.KeyValues{Title: "The running server"}
	pair := func(key, value string) {
		if value != "" {
			kv.Pairs = append(kv.Pairs, report.Pair{Key: key, Value: report.Text(value)})
		}
	}
	pair("URL", t.URL)
	pair("error", t.Error)
	if t.Error == "" {
		pair("/readyz", fmt.Sprintf("%d in %.1f ms, %.1f ms including the connection", t.StatusCode, t.WarmMS, t.FirstMS))
		pair("through a pooler", t.ThroughPooler)
		pair("execution mode", t.ExecMode)
		pair("version", cmp.Or(strings.Join(t.Builds, " and "), strings.TrimSpace(t.Version+" "+t.Commit)))
		pair("cache", t.Cache)
		pair("Server-Timing", t.ServerTiming)
		if t.LiveMS > 0 {
			pair("network path", fmt.Sprintf("TCP in %.1f ms, /livez in %.1f ms", t.RoundTripMS, t.LiveMS))
		}
	}
	if m := t.Metrics; m != nil {
		pair("metrics", m.URL)
		pair("connection pool", fmt.Sprintf("%d idle, %d in use, maximum %d; %d of %d acquires waited, %.2f ms on average",
			m.Pool.Idle, m.Pool.InUse, m.Pool.Max, m.Pool.Waited, m.Pool.Acquires, m.Pool.MeanMS))
		for _, c := range m.Caches {
			pair("cache of "+c.Cache, fmt.Sprintf("%d of %d lookups hit", c.Hits, c.Asked))
		}
		for _, l := range m.Lists {
			if l.Reads > 0 {
				pair("reads of "+l.List, fmt.Sprintf("%d, %d without the database", l.Reads, l.Free()))
			}
		}
		pair("Redis calls", fmt.Sprintf("%d failed since it started, %d during the probe", m.RedisErrors, m.RedisErrorsDuring))
	}
	return kv
}

// readsTable splits each read; the first column of times is the sum of the others.
func readsTable(t facts.Target) report.Table {
	table := report.Table{
		Title:   "Reads of the running server: wall = client network + ingress + app + acquire + turns x minimum RTT + rest of the database + Redis, in ms",
		Columns: []string{"Read", "First", "Wall", "Client network", "Ingress", "App", "Acquire", "DB turns", "Turns x RTT", "DB rest", "Redis", "Cache-Status"},
		Spare:   []int{1, 7, 11, 3, 4, 5, 9, 6},
		Note: fmt.Sprintf("First is the first response; the other columns are the median of the %d after it. The minimum RTT is measured from here: if the probe does not run next to the server, DB rest contains the difference.",
			facts.TargetRuns-1),
	}
	for _, r := range t.Reads {
		if r.Runs == 0 {
			why := r.Error
			if why == "" && r.Status != http.StatusOK {
				why = fmt.Sprintf("returns %d", r.Status)
			}
			dash := report.Cell{Text: "-", Right: true}
			table.Rows = append(table.Rows, []report.Cell{report.Text(r.Route), dash, dash, dash, dash, dash, dash, dash, dash, dash, dash, report.Toned(report.Bad, why)})
			continue
		}
		turns := report.Cell{Text: "-", Right: true}
		if r.Turns != nil {
			turns = report.Count(*r.Turns)
			if r.OverBudget > 0 {
				turns = turns.WithTone(report.Warn)
			}
		}
		table.Rows = append(table.Rows, []report.Cell{
			report.Text(r.Route), report.Number(r.FirstMS, 1), report.Number(r.WallMS, 1), report.Number(r.ClientNetworkMS, 1),
			report.Number(r.IngressMS, 1), report.Number(r.AppMS, 1), report.Number(r.AcquireMS, 1), turns,
			report.Number(r.TurnsMS, 1), report.Number(r.DBRestMS, 1), report.Number(r.RedisMS, 1), report.Text(r.CacheStatus),
		})
	}
	return table
}
