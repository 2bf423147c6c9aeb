package labcmd

import (
	"fmt"
	"strconv"
	"time"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/report"
)

// labReport is what runs of a replica. It carries no password.
type labReport struct{ lab.State }

// well reports whether the replica and each of its servers run.
func (r labReport) well() bool {
	for _, s := range r.Servers {
		if !s.Running {
			return false
		}
	}
	return r.Ready
}

// Document shows the replica as a whole, and a line for each server.
func (r labReport) Document() report.Document {
	kept := report.KeyValues{Pairs: []report.Pair{{Key: "data", Value: report.Text(r.Dir)}}}
	add := func(key string, value report.Cell) {
		kept.Pairs = append(kept.Pairs, report.Pair{Key: key, Value: value})
	}
	switch {
	case !r.Running:
		add("lab", report.Toned(report.Warn, "not running"))
	case !r.Ready:
		add("lab", report.Toned(report.Warn, fmt.Sprintf("starting, process %d", r.PID)))
	default:
		add("lab", report.Toned(report.Good, fmt.Sprintf("running, process %d, since %s", r.PID, r.StartedAt.Format(time.DateTime))))
		add("link", report.Textf("round trip %v%s", millis(r.RTTMS), r.disturbances()))
		add("pool", report.Textf("%d server connections for each database", r.PoolSize))
	}
	table := report.Table{Columns: []string{"server", "state", "pid", "port", "by way of the link"}}
	for _, s := range r.Servers {
		state := report.Toned(report.Good, "running")
		if !s.Running {
			state = report.Toned(report.Warn, "stopped")
			s.Port, s.LinkPort = 0, 0 // those of the last time
		}
		table.Rows = append(table.Rows, []report.Cell{
			report.Text(s.Name), state, numberOr(s.PID), numberOr(s.Port), numberOr(s.LinkPort),
		})
	}
	blocks := []report.Block{kept, table}
	if r.Ready {
		blocks = append(blocks, report.Paragraph{
			Text: `To use it in a shell: eval "$(honeydue lab env --data ` + lab.ShellWord(r.Dir) + `)"`, Tone: report.Dim,
		})
	}
	return report.Document{Schema: "honeydue.lab/1", Title: "Lab", Blocks: blocks, Data: r.State}
}

// disturbances says what makes the link worse than its round trip.
func (r labReport) disturbances() string {
	said := ""
	if r.JitterMS > 0 {
		said += fmt.Sprintf(", jitter up to %v", millis(r.JitterMS))
	}
	if r.StallMS > 0 {
		said += fmt.Sprintf(", a lost delivery in a hundred stalls %v", millis(r.StallMS))
	}
	if r.NoSlowStart {
		said += ", no slow start"
	}
	return said
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// numberOr shows 0 as nothing.
func numberOr(n int) report.Cell {
	if n == 0 {
		return report.Cell{Text: "-", Right: true}
	}
	return report.Cell{Text: strconv.Itoa(n), Right: true}
}
