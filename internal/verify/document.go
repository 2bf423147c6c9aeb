package verify

import (
	"fmt"
	"maps"
	"slices"

	"github.com/honeydue/honeydue/internal/report"
)

// shownFindings is how many stale copies the tables show; the JSON has more.
const shownFindings = 10

// Document lays the result out for people; programs get the result itself. It is a pure function.
func (r Result) Document() report.Document {
	d := report.Document{Schema: Schema, Title: "honeydue verify-cache", Data: r}
	d.Blocks = append(d.Blocks, r.lists())
	if len(r.Skipped) > 0 {
		d.Blocks = append(d.Blocks, r.skipped())
	}
	if len(r.Findings) > 0 {
		d.Blocks = append(d.Blocks, r.findings(), report.Paragraph{Text: "What to do: docs/runbooks/verify-cache.md"})
	}
	d.Blocks = append(d.Blocks, r.figures(), report.Paragraph{Text: r.Verdict, Tone: r.Outcome.tone()})
	return d
}

func (r Result) lists() report.Table {
	t := report.Table{Title: "Copies compared with the database", Columns: []string{"List", "Checked", "Fresh", "Stale"}}
	row := func(name string, checked, fresh, stale int) {
		cell := report.Count(int64(stale))
		if stale > 0 {
			cell = cell.WithTone(report.Bad)
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), report.Count(int64(checked)), report.Count(int64(fresh)), cell})
	}
	for _, l := range r.Lists {
		row(l.List, l.Checked, l.Fresh, l.Stale)
	}
	row("all", r.Checked, r.Fresh, r.Stale)
	return t
}

func (r Result) skipped() report.Table {
	t := report.Table{Title: "Not checked", Columns: []string{"Copies", "Reason", "Why"}}
	for _, why := range slices.Sorted(maps.Keys(r.Skipped)) {
		t.Rows = append(t.Rows, []report.Cell{report.Count(int64(r.Skipped[why])), report.Text(why), report.Toned(report.Dim, reason(why))})
	}
	return t
}

func (r Result) findings() report.Table {
	t := report.Table{
		Title:   "Stale copies",
		Columns: []string{"List", "Stale for", "Measured by", "Misses a change", "Filled ago", "Guarantee"},
		Note:    fmt.Sprintf("Ages are lower bounds. %d of %d copies are shown, without their users.", min(shownFindings, len(r.Findings)), r.Stale),
	}
	for _, f := range r.Findings[:min(shownFindings, len(r.Findings))] {
		age := report.Cell{Text: "unknown", Right: true}
		if f.CopyAgeMS > 0 {
			age = report.Cell{Text: span(f.CopyAgeMS), Right: true}
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(f.List), {Text: span(f.StaleMS), Right: true}, report.Text(measure(f.MeasuredBy)), report.Text(change(f.Change)), age, f.promise(),
		})
	}
	return t
}

func (f Finding) promise() report.Cell {
	switch {
	case f.BeyondPromise:
		return report.Toned(report.Bad, "broken")
	case f.Excused:
		return report.Toned(report.Dim, "allows it")
	default:
		return report.Toned(report.Bad, "not excused")
	}
}

func measure(by string) string {
	if by == byChangeLog {
		return "the change log"
	}
	return "looking twice"
}

func change(by string) string {
	switch by {
	case changeOwn:
		return "made through the API"
	case changeOutside:
		return "made by other SQL"
	default:
		return "that is not in the log"
	}
}

func (r Result) figures() report.KeyValues {
	seen := fmt.Sprintf("%s, of %s copies in Redis", report.Thousands(int64(r.Sampled)), report.Thousands(int64(r.CopiesInRedis)))
	if !r.AllCopiesSeen {
		seen += " that were seen"
	}
	if r.Rounds > 1 {
		seen += fmt.Sprintf(", in %d rounds", r.Rounds)
	}
	kv := report.KeyValues{Title: "Figures", Pairs: []report.Pair{
		{Key: "sampled", Value: report.Text(seen)},
		{Key: "changed meanwhile", Value: report.Textf("%d, which is not stale", r.ChangedMeanwhile)},
		{Key: "stale share, at most", Value: report.Textf("%.2f%% (95%% certainty)", r.StaleShareMaxPct)},
	}}
	if r.Stale > 0 {
		kv.Pairs = append(kv.Pairs, report.Pair{Key: "staleness", Value: report.Textf("p50 %s, max %s", span(r.StalenessMS.P50), span(r.StalenessMS.Max))})
	}
	c := r.Cost
	return report.KeyValues{Title: kv.Title, Pairs: append(kv.Pairs,
		report.Pair{Key: "cost, database", Value: report.Textf("%s turns on %d connection, at most %g a second; %.0f ms of statements", report.Thousands(c.DBTurns), c.DBConnections, c.MaxTurnsPerS, c.DBMS)},
		report.Pair{Key: "cost, Redis", Value: report.Textf("%s round trips, %.0f ms; nothing was changed", report.Thousands(c.RedisRoundTrips), c.RedisMS)},
		report.Pair{Key: "compared", Value: report.Textf("%.1f kB", float64(c.ComparedBytes)/1000)},
		report.Pair{Key: "took", Value: report.Textf("%.1f s", r.DurationMS/1000)},
	)}
}

func (o Outcome) tone() report.Tone {
	switch o {
	case Fresh:
		return report.Good
	case Stale:
		return report.Bad
	default:
		return report.Warn
	}
}
