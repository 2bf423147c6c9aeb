package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/report"
)

func errorsCell(p Phase) report.Cell {
	if p.Errors == 0 {
		return report.Count(0)
	}
	kinds := byCount(p.ErrorKinds)
	parts := make([]string, 0, len(kinds))
	for _, k := range kinds {
		parts = append(parts, fmt.Sprintf("%d %s", p.ErrorKinds[k], k))
	}
	return report.Cell{Text: strings.Join(parts, ", "), Tone: report.Bad, Right: true}
}

// apart is the samples in another state than the phase's.
func (p Phase) apart() string {
	if p.ApartOver == 0 {
		return apart(p.Apart)
	}
	return fmt.Sprintf("%s (%d over)", apart(p.Apart), p.ApartOver)
}

func sum(states map[string]int) (n int) {
	for _, count := range states {
		n += count
	}
	return n
}

func apart(states map[string]int) string {
	if len(states) == 0 {
		return "0"
	}
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(states)) {
		parts = append(parts, fmt.Sprintf("%d %s", states[s], s))
	}
	return strings.Join(parts, ", ")
}

func word(v Verdict) string { return strings.ToUpper(string(v)) }

func tone(v Verdict) report.Tone {
	switch v {
	case Pass:
		return report.Good
	case Inconclusive:
		return report.Warn
	}
	return report.Bad
}

// plain is a figure with digits enough to tell it from another.
func plain(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func figure(v float64) string { return plain(v) + " ms" }

func interval(ends [2]*float64) string {
	side := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return plain(*v)
	}
	if ends[0] == nil && ends[1] == nil {
		return "-"
	}
	return "[" + side(ends[0]) + ", " + side(ends[1]) + "]"
}

func right(s string) report.Cell { return report.Cell{Text: s, Right: true} }

func number(v float64) report.Cell { return right(plain(v)) }

// of is a figure of n samples: of none there is none.
func of(n int, v float64) report.Cell {
	if n == 0 {
		return right("-")
	}
	return number(v)
}

// goalCell is a figure of a goal, in ms or in turns.
func goalCell(ms, turns *float64) report.Cell {
	if ms == nil && turns != nil {
		return right(plain(*turns) + " turns")
	}
	return optional(ms)
}

func optional(v *float64) report.Cell {
	if v == nil {
		return right("-")
	}
	return number(*v)
}

func deref(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}
