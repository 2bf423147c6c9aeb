package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/report"
)

// Document is the report of a result. It is pure: the same result gives the
// same document.
func (r Result) Document() report.Document {
	d := report.Document{
		Schema: Schema,
		Title:  fmt.Sprintf("%s  loadtest of %s, profile %s", word(r.Verdict), r.Target, r.Profile),
		Data:   r, Sheet: r.sheet(), HistogramLog: r.histogramLog,
	}
	if r.Comparison != nil {
		d.Title += ", against " + r.Comparison.Baseline.URL
	}
	d.Blocks = append(d.Blocks, r.verdicts())
	if len(r.Reasons) > 0 {
		d.Blocks = append(d.Blocks, report.Paragraph{Text: "Why: " + strings.Join(r.Reasons, "\nWhy: "), Tone: tone(r.Verdict)})
	}
	d.Blocks = slices.Concat(d.Blocks, r.Comparison.blocks(r.Reasons), r.Capacity.blocks(), r.Earlier.blocks())
	d.Blocks = append(d.Blocks, r.thresholds(), r.latencies())
	d.Blocks = append(d.Blocks, r.charts()...)
	d.Blocks = append(d.Blocks, r.goals(), r.routes(), r.slowest())
	d.Blocks = append(append(d.Blocks, r.serverSide()...), r.conditions())
	if r.Data != nil {
		d.Blocks = append(d.Blocks, r.madeAndLeft())
	}
	d.Cases = r.cases()
	d.Blocks = slices.DeleteFunc(d.Blocks, func(b report.Block) bool {
		t, ok := b.(report.Table)
		return ok && len(t.Rows) == 0
	})
	return d
}

// cases are the verdicts one by one: of a comparison there is one, whatever its
// two sides say of the target.
func (r Result) cases() []report.Case {
	if r.Comparison != nil {
		seconds := 0.0
		for _, p := range r.Phases {
			seconds += p.DurationMS / 1000
		}
		return []report.Case{r.Comparison.junit(r.Verdict, seconds)}
	}
	if r.Capacity != nil {
		return []report.Case{r.Capacity.junit(r.Verdict)}
	}
	cases := make([]report.Case, 0, len(r.Phases))
	for _, p := range r.Phases {
		cases = append(cases, p.junit())
		cases = append(cases, p.thresholdCases()...)
	}
	for _, s := range r.NotMeasured {
		cases = append(cases, report.Case{Suite: "loadtest", Name: s.Phase, Status: report.Skipped, Message: "not measured: " + s.Why})
	}
	return cases
}

// claim is what a phase's verdict says, with all that it rests on.
func (p Phase) claim() string {
	if p.Restarts != nil && p.Restarts.Done == 0 {
		return fmt.Sprintf("no first request was measured, of %d planned", p.Restarts.Planned)
	}
	if p.Restarts != nil {
		return fmt.Sprintf("%d of %d restarts under %s (95%% confidence: at least %.0f%% of all restarts), slowest %s",
			p.Restarts.Under, p.Restarts.Done, figure(p.Restarts.TargetMS), 100*p.Restarts.SureShare, figure(p.Latency.Max))
	}
	claim := fmt.Sprintf("p99 %s, 95%% CI %s, n = %d, %d over", figure(deref(p.Latency.P99)), interval(p.P99CI95MS), p.Requests, p.Over)
	if p.Requests == 0 {
		claim = "nothing was measured, n = 0"
	}
	if p.ApartOver > 0 {
		claim += fmt.Sprintf(" and %d of %d apart", p.ApartOver, sum(p.Apart))
	}
	switch {
	case p.OverAllowed < 0 && p.Verdict == Fail:
		claim += " (too many, few as the requests are)"
	case p.OverAllowed < 0:
		claim += " (too few to claim a p99)"
	default:
		claim += fmt.Sprintf(" (%d allowed)", p.OverAllowed)
	}
	for _, t := range p.Thresholds {
		if t.Route == groupReads && t.What == string(TurnFree) && t.ActualShare != nil {
			claim += fmt.Sprintf("; %s took no DB turn", sharePct(*t.ActualShare))
		}
	}
	return claim
}

func (r Result) verdicts() report.Table {
	t := report.Table{Columns: []string{"phase", "verdict", "claim"}}
	for _, p := range r.Phases {
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(p.Name), report.Toned(tone(p.Verdict), word(p.Verdict)), report.Text(p.claim()),
		})
	}
	for _, s := range r.NotMeasured {
		t.Rows = append(t.Rows, []report.Cell{report.Text(s.Phase), report.Toned(report.Warn, "NOT MEASURED"), report.Text(s.Why)})
	}
	return t
}

func (r Result) latencies() report.Table {
	t := report.Table{
		Title: "Latency from the scheduled moment, in ms",
		Columns: []string{
			"phase", "requests", "errors", "p50", "p90", "p99", "p99.9", "max", "p99 95% CI",
			"over", "allowed", "target", "turns p50/max", "rate/s", "lag p99", "apart",
		},
		Note: "A failed request counts as over the target, with at least the timeout as its latency. Apart: requests answered from another cache state than the phase tests; they are in none of the figures, and those of a warm phase that were over the target are judged as over.",
	}
	for _, p := range r.Phases {
		turns := "-"
		if p.DBTurns.Stated {
			turns = fmt.Sprintf("%d/%d", p.DBTurns.P50, p.DBTurns.Max)
		}
		allowed, rate := report.Count(int64(p.OverAllowed)), report.Textf("%.4g of %.4g", p.Rate.Achieved, p.Rate.Planned)
		if p.OverAllowed < 0 || p.Restarts != nil {
			allowed = right("-")
		}
		target := right("p99 " + plain(p.TargetMS))
		if p.Restarts != nil {
			rate, target = right("-"), right("each "+plain(p.TargetMS))
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(p.Name), report.Count(int64(p.Requests)), errorsCell(p),
			of(p.Requests, p.Latency.P50), of(p.Requests, p.Latency.P90), optional(p.Latency.P99), optional(p.Latency.P999), of(p.Requests, p.Latency.Max),
			right(interval(p.P99CI95MS)), report.Count(int64(p.Over)), allowed, target,
			right(turns), rate, of(p.Requests+sum(p.Apart), p.Lag.P99), right(p.apart()),
		})
	}
	return t
}

func (r Result) goals() report.Table {
	t := report.Table{
		Title:   "Our own targets, in ms",
		Columns: []string{"phase", "target", "limit", "measured", "", "turns p50/max"},
		Note:    "R is the round trip between server and database. These are stricter than the targets above and decide no verdict.",
	}
	for _, p := range r.Phases {
		for _, g := range p.Goals {
			met := report.Toned(report.Good, "met")
			if !g.Met {
				met = report.Toned(report.Warn, "not met")
			}
			t.Rows = append(t.Rows, []report.Cell{
				report.Text(p.Name), report.Text(g.Text), goalCell(g.LimitMS, g.LimitTurns), goalCell(g.ActualMS, g.ActualTurns), met,
				right(fmt.Sprintf("%d/%d", p.DBTurns.P50, p.DBTurns.Max)),
			})
		}
	}
	return t
}

func (r Result) routes() report.Table {
	t := report.Table{Title: "Routes, in ms", Columns: []string{"phase", "route", "requests", "errors", "p50", "p99", "max", "over"}}
	for _, p := range r.Phases {
		if len(p.Routes) < 2 || p.Restarts != nil {
			continue
		}
		for _, f := range p.Routes {
			t.Rows = append(t.Rows, []report.Cell{
				report.Text(p.Name), report.Text(f.Route), report.Count(int64(f.Requests)), report.Count(int64(f.Errors)),
				number(f.P50MS), number(f.P99MS), number(f.MaxMS), report.Count(int64(f.Over)),
			})
		}
	}
	return t
}

func (r Result) conditions() report.KeyValues {
	g := r.Generator
	kv := report.KeyValues{Title: "Conditions", Pairs: []report.Pair{
		{Key: "generator's CPU", Value: report.Textf("%.0f%% of a core, of %d", g.CPUPct, g.Cores)},
		{Key: "generator's lag p99", Value: report.Text(figure(g.LagP99MS))},
		{Key: "generator's own p99", Value: report.Textf("%s at %.4g/s, on a server in this process", figure(g.FloorP99MS), g.FloorRate)},
		{Key: "longest GC pause", Value: report.Textf("at most %s", figure(g.GCPauseMaxMS))},
		{Key: "descriptors", Value: report.Text(g.Descriptors.String())},
		{Key: "ports towards the target", Value: report.Text(g.Ports.String())},
		{Key: "addresses", Value: report.Text(addresses(g.Addresses))},
		{Key: "traces", Value: report.Textf("trace ids of this run begin with %s", r.Run)},
	}}
	if url := r.slowestTrace(); url != "" {
		kv.Pairs = append(kv.Pairs, report.Pair{Key: "slowest trace", Value: report.Text(url)})
	}
	for _, p := range r.Phases {
		if len(p.States) > 0 {
			kv.Pairs = append(kv.Pairs, report.Pair{Key: "caches in " + p.Name, Value: report.Text(apart(p.States))})
		}
	}
	for _, p := range r.Phases {
		if p.JSONByEnds > 0 {
			kv.Pairs = append(kv.Pairs, report.Pair{Key: "JSON in " + p.Name, Value: report.Textf("%d replies over 1 MiB were checked only at their two ends", p.JSONByEnds)})
		}
	}
	if s := r.Server; s.ThroughPooler != nil {
		pooler := report.Toned(report.Good, "yes")
		if !*s.ThroughPooler {
			pooler = report.Toned(report.Bad, "no")
		}
		if s.PoolerProof != "" {
			pooler.Text += ": " + s.PoolerProof
		}
		kv.Pairs = append(kv.Pairs, report.Pair{Key: "database through a pooler", Value: pooler})
	}
	if r.Server.LinkRTTMS > 0 {
		kv.Pairs = append(kv.Pairs, report.Pair{Key: "R, server to database", Value: report.Text(figure(r.Server.LinkRTTMS))})
	}
	if r.Server.Version != "" {
		kv.Pairs = append(kv.Pairs, report.Pair{Key: "server", Value: report.Text(strings.TrimSpace(r.Server.Version + " " + r.Server.Commit))})
	}
	return kv
}

// addresses names what the target's name stands for, and what was sent where.
func addresses(all []Address) string {
	var parts []string
	for _, a := range all {
		parts = append(parts, fmt.Sprintf("%s %d", a.Address, a.Requests))
	}
	switch len(parts) {
	case 0:
		return "not known"
	case 1:
		return all[0].Address
	}
	return "requests to " + strings.Join(parts, ", ")
}

func (p Phase) junit() report.Case {
	return report.Case{
		Suite: "loadtest", Name: p.Name, Seconds: p.DurationMS / 1000, Status: status(p.Verdict),
		Message: strings.Join(append([]string{p.claim()}, p.Reasons...), "\n"),
	}
}

// status is a verdict in JUnit's terms.
func status(v Verdict) report.Status {
	switch v {
	case Pass:
		return report.Passed
	case Fail:
		return report.Failed
	}
	return report.Errored
}
