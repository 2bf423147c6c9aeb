package render

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// watchedBlocks lays out what watching the servers gave.
func watchedBlocks(r facts.Result) []report.Block {
	var out []report.Block
	kv := report.KeyValues{Title: "Servers during the probe"}
	pair := func(key, format string, args ...any) {
		kv.Pairs = append(kv.Pairs, report.Pair{Key: key, Value: report.Text(fmt.Sprintf(format, args...))})
	}
	if s := r.Server; s != nil {
		unreliable := ""
		if !s.CumulativeReliable {
			unreliable = "; statistics since its start are too young to use"
		}
		pair("Postgres", "up for %s%s; watched for %.1f s in %s, which took %.1f ms of server time",
			facts.Seconds(s.UptimeS), unreliable, s.WindowS, facts.Plural(s.Samples, "sample", "samples"), r.Cost.CatalogMS)
		pair("connections", "%d of %d", s.ConnectionsUsed, s.ConnectionLimit)
		pair("busy sessions", "%.1f%s", s.BusySessions, waitList(s.Waits))
		if s.Statements != nil {
			pair("pg_stat_statements", "%s; others took %.0f ms", statementList(s.Statements), s.OtherStatementsMS)
		}
	}
	if s := r.Redis; s != nil {
		pair("Redis", "%.1f of %.0f MB, %d keys, %s", s.MemoryMB, s.LimitMB, s.Keys, facts.Plural(int(s.Clients), "client", "clients"))
		pair("in "+facts.Seconds(s.WindowS), "%d hits, %d misses, %d evicted; %d PINGs, median %.1f ms, maximum %.1f ms",
			s.Hits, s.Misses, s.Evicted, s.Pings, s.PingP50MS, s.PingMaxMS)
	}
	if len(kv.Pairs) > 0 {
		out = append(out, kv)
	}
	if c := r.Cluster; c != nil && len(c.Pods) > 0 {
		t := report.Table{Title: "Pods in " + c.Namespace, Columns: []string{"Pod", "Ready", "Restarts", "Throttled"}}
		for _, p := range c.Pods {
			throttled := report.Cell{Text: "-", Right: true}
			if p.ThrottledShare != nil {
				throttled = report.Cell{Text: fmt.Sprintf("%.0f%%", 100**p.ThrottledShare), Right: true}
			}
			ready := report.Toned(report.Good, "yes")
			if !p.Ready {
				ready = report.Toned(report.Bad, "no")
			}
			t.Rows = append(t.Rows, []report.Cell{report.Text(p.Name), ready, report.Count(p.Restarts), throttled})
		}
		out = append(out, t)
	}
	return out
}

func waitList(waits []facts.Wait) string {
	var parts []string
	for _, w := range waits[:min(3, len(waits))] {
		parts = append(parts, fmt.Sprintf("%s %.1f", w.Event, w.Sessions))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", waiting: " + strings.Join(parts, ", ")
}

func statementList(counts []facts.StatementCount) string {
	var parts []string
	for _, s := range counts[:min(5, len(counts))] {
		parts = append(parts, fmt.Sprintf("%s %d x %.2f ms", s.Name, s.Calls, s.MeanMS))
	}
	if len(parts) == 0 {
		return "no statement of the app ran"
	}
	return strings.Join(parts, ", ")
}
