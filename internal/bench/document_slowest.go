package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/report"
)

// shownSlowest is how many of the slowest requests of a phase the tables show;
// the JSON has all that were kept.
const shownSlowest = 5

func (r Result) slowest() report.Table {
	t := report.Table{
		Title:   fmt.Sprintf("Slowest %d of each phase, in ms", shownSlowest),
		Columns: []string{"phase", "latency", "lag", "queue", "service"},
		Note:    "latency = lag (the generator was late) + queue (waiting for a connection) + service; service = the server's own account + network (the way, and waiting that the server does not see).",
	}
	timings := make(map[string]bool)
	for _, p := range r.Phases {
		for _, s := range p.Slowest[:min(shownSlowest, len(p.Slowest))] {
			for name := range s.ServerTiming {
				timings[name] = true
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(timings), byOrigin)
	for _, name := range names {
		t.Columns = append(t.Columns, strings.TrimSuffix(name, "_ms"))
	}
	network := len(names) > 0
	if network {
		t.Columns = append(t.Columns, "network")
	}
	t.Columns = append(t.Columns, "turns", "route", "outcome", "trace")
	for _, p := range r.Phases {
		for _, s := range p.Slowest[:min(shownSlowest, len(p.Slowest))] {
			row := []report.Cell{report.Text(p.Name), number(s.LatencyMS), number(s.LagMS), number(s.QueueMS), number(s.ServiceMS)}
			for _, name := range names {
				if v, ok := s.ServerTiming[name]; ok {
					row = append(row, number(v))
				} else {
					row = append(row, right("-"))
				}
			}
			if network {
				row = append(row, optional(s.NetworkMS))
			}
			turns := right("-")
			if s.DBTurns != nil {
				turns = report.Count(int64(*s.DBTurns))
			}
			t.Rows = append(t.Rows, append(row, turns, report.Text(s.Route), s.outcome(), report.Toned(report.Dim, s.TraceID).WithLink(s.TraceURL)))
		}
	}
	return t
}

// slowestTrace is the address of the trace of the slowest request of all; "" where
// nothing is linked.
func (r Result) slowestTrace() string {
	var worst Slow
	for _, p := range r.Phases {
		if len(p.Slowest) > 0 && p.Slowest[0].LatencyMS > worst.LatencyMS {
			worst = p.Slowest[0]
		}
	}
	return worst.TraceURL
}

func (s Slow) outcome() report.Cell {
	switch {
	case s.Error == "":
		return report.Textf("%d", s.Status)
	case s.Status >= 300:
		return report.Toned(report.Bad, fmt.Sprint(s.Status))
	}
	return report.Toned(report.Bad, s.Error)
}

// byOrigin orders the server's timings as a request meets them.
func byOrigin(a, b string) int {
	rank := func(name string) int {
		i := slices.Index([]string{"redis_ms", "acquire_ms", "db_ms", "app_ms"}, name)
		if i < 0 {
			return 9
		}
		return i
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}
