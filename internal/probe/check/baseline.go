package check

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Saved is a result that was printed as JSON, with the version that printed it.
type Saved struct {
	Schema  string `json:"schema"`
	Version string `json:"version"`
	Commit  string `json:"commit"`
	facts.Result
}

// ReadSaved reads a result that was printed as JSON. Its errors name no file.
func ReadSaved(r io.Reader) (Saved, error) {
	var in Saved
	err := json.NewDecoder(r).Decode(&in)
	if _, other := errors.AsType[*json.UnmarshalTypeError](err); other {
		return Saved{}, errors.New("it is not the JSON report of a probe") // the decoder's own words are about Go's types
	}
	if err != nil {
		return Saved{}, fmt.Errorf("it is not the JSON report of a probe: %w", err)
	}
	if in.Schema != facts.Schema {
		return Saved{}, fmt.Errorf("its schema is %q, but this version of honeydue reads %s", in.Schema, facts.Schema)
	}
	in.restoreRoots()
	return in, nil
}

// restoreRoots tells apart the causes in a report of a version that did not print Root: there the first finding of a code is
// the cause of all that name that code.
func (s *Saved) restoreRoots() {
	if slices.ContainsFunc(s.Findings, func(f facts.Finding) bool { return f.Root != 0 }) {
		return
	}
	for i, f := range s.Findings {
		s.Findings[i].Root = i
		if f.Because != "" {
			s.Findings[i].Root = slices.IndexFunc(s.Findings, func(c facts.Finding) bool { return c.Code == f.Because && c.Because == "" })
		}
	}
}

// Two measurements of the same thing differ; a change is worth a line only beyond these bounds.
const (
	changeLeastMS = 5.0
	changeShare   = 0.2
)

// Since lists what differs from a baseline, the dearest first: findings that came or went, floors,
// connecting, walls, turns, plans that reach a table in another way, the running server's reads, versions, settings.
func Since(r facts.Result, baseline facts.Result) []facts.Change {
	var out []facts.Change
	out = append(out, findingsSince(r, baseline)...)
	for _, e := range r.Endpoints {
		if i := slices.IndexFunc(baseline.Endpoints, func(b facts.Endpoint) bool { return b.Name == e.Name }); i >= 0 {
			b := baseline.Endpoints[i]
			out = append(out, timeChange("minimum RTT of "+e.Name, b.FloorMS, e.FloorMS)...)
			if e.Error == "" && b.Error == "" && e.ConnectTurns != b.ConnectTurns {
				out = append(out, countChange("turns to connect to "+e.Name, b.ConnectTurns, e.ConnectTurns))
			}
		}
	}
	for _, h := range r.HotPaths {
		i := slices.IndexFunc(baseline.HotPaths, func(b facts.HotPath) bool { return b.Name == h.Name && b.Subject == h.Subject })
		if i < 0 {
			continue
		}
		b := baseline.HotPaths[i]
		name := h.Who()
		if h.Runs > 0 && b.Runs > 0 {
			out = append(out, timeChange(name+": wall", b.WallMS, h.WallMS)...)
			if h.Turns != b.Turns {
				out = append(out, countChange(name+": turns", b.Turns, h.Turns))
			}
		}
		if len(b.Access) > 0 && len(h.Access) > 0 && !slices.Equal(h.Access, b.Access) {
			out = append(out, facts.Change{What: name + ": plan", Before: strings.Join(b.Access, ", "), After: strings.Join(h.Access, ", ")})
		}
	}
	out = append(out, targetSince(r, baseline)...)
	out = append(out, stateSince(r, baseline)...)
	slices.SortStableFunc(out, func(a, b facts.Change) int { return cmp.Compare(b.DeltaMS, a.DeltaMS) })
	return out
}

// findingsSince goes by what was judged both times: what was unknown before, or was not asked, is no news, and what can't
// be judged any more has not got better.
func findingsSince(r facts.Result, baseline facts.Result) []facts.Change {
	before, after := judgedIn(baseline), judgedIn(r)
	var out []facts.Change
	for _, c := range Registry() {
		was, is := before[c.Code], after[c.Code]
		if was == "" || is == "" || was == facts.Unknown || was == is {
			continue
		}
		what := c.Code + " " + c.title
		switch {
		case is == facts.Fail:
			out = append(out, facts.Change{What: what, Before: "not found", After: "found", Worse: true})
		case was == facts.Fail && is == facts.Unknown:
			out = append(out, facts.Change{What: what, Before: "found", After: "could not be measured"})
		case was == facts.Fail:
			out = append(out, facts.Change{What: what, Before: "found", After: "not found"})
		}
	}
	return out
}

// judgedIn is what came of each check that was asked: Fail where it found something, however grave, Pass or Unknown.
func judgedIn(r facts.Result) map[string]facts.Status {
	out := map[string]facts.Status{}
	for _, c := range r.Checks {
		if c.Status == facts.Warn || c.Status == facts.Remark {
			c.Status = facts.Fail
		}
		out[c.Code] = c.Status
	}
	return out
}

func countChange(what string, before, after int64) facts.Change {
	return facts.Change{What: what, Before: fmt.Sprint(before), After: fmt.Sprint(after), Worse: after > before}
}

// timeChange compares two times; 0 is one that was not measured.
func timeChange(what string, before, after float64) []facts.Change {
	delta := after - before
	if before <= 0 || after <= 0 || math.Abs(delta) < max(changeLeastMS, changeShare*before) {
		return nil
	}
	return []facts.Change{{
		What: what, Before: fmt.Sprintf("%.1f ms", before), After: fmt.Sprintf("%.1f ms", after),
		DeltaMS: facts.RoundSigned(delta), Worse: delta > 0,
	}}
}
