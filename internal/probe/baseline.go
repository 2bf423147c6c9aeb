package probe

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Change is one thing that differs from a baseline.
type Change struct {
	What   string `json:"what"`
	Before string `json:"before"`
	After  string `json:"after"`
	// DeltaMS is how many milliseconds more a request pays; 0 where that can't be told.
	DeltaMS float64 `json:"delta_ms"`
	// Worse is false for what has got better, or is merely different.
	Worse bool `json:"worse"`
}

// ReadBaseline reads a result that was printed as JSON.
func ReadBaseline(r io.Reader) (Result, error) {
	var in struct {
		Schema string `json:"schema"`
		Result
	}
	err := json.NewDecoder(r).Decode(&in)
	if _, other := errors.AsType[*json.UnmarshalTypeError](err); other {
		return Result{}, errors.New("the baseline is not the JSON report of a probe") // the decoder's own words are about Go's types
	}
	if err != nil {
		return Result{}, fmt.Errorf("the baseline is not the JSON report of a probe: %w", err)
	}
	if in.Schema != Schema {
		return Result{}, fmt.Errorf("the baseline has schema %q, but this version of honeydue reads %s", in.Schema, Schema)
	}
	return in.Result, nil
}

// Two measurements of the same thing differ; a change is worth a line only beyond these bounds.
const (
	changeLeastMS = 5.0
	changeShare   = 0.2
)

// Since lists what differs from a baseline, the dearest first: findings that came or went, floors,
// connecting, walls, turns, plans that reach a table in another way, the running server's reads, versions, settings.
func (r Result) Since(baseline Result) []Change {
	var out []Change
	out = append(out, r.findingsSince(baseline)...)
	for _, e := range r.Endpoints {
		if i := slices.IndexFunc(baseline.Endpoints, func(b Endpoint) bool { return b.Name == e.Name }); i >= 0 {
			b := baseline.Endpoints[i]
			out = append(out, timeChange("minimum RTT of "+e.Name, b.FloorMS, e.FloorMS)...)
			if e.Error == "" && b.Error == "" && e.ConnectTurns != b.ConnectTurns {
				out = append(out, countChange("turns to connect to "+e.Name, b.ConnectTurns, e.ConnectTurns))
			}
		}
	}
	for _, h := range r.HotPaths {
		i := slices.IndexFunc(baseline.HotPaths, func(b HotPath) bool { return b.Name == h.Name && b.Subject == h.Subject })
		if i < 0 {
			continue
		}
		b := baseline.HotPaths[i]
		name := h.who()
		if h.Runs > 0 && b.Runs > 0 {
			out = append(out, timeChange(name+": wall", b.WallMS, h.WallMS)...)
			if h.Turns != b.Turns {
				out = append(out, countChange(name+": turns", b.Turns, h.Turns))
			}
		}
		if len(b.Access) > 0 && len(h.Access) > 0 && !slices.Equal(h.Access, b.Access) {
			out = append(out, Change{What: name + ": plan", Before: strings.Join(b.Access, ", "), After: strings.Join(h.Access, ", ")})
		}
	}
	out = append(out, r.targetSince(baseline)...)
	out = append(out, r.stateSince(baseline)...)
	slices.SortStableFunc(out, func(a, b Change) int { return cmp.Compare(b.DeltaMS, a.DeltaMS) })
	return out
}

// findingsSince goes by what was judged both times: what was unknown before, or was not asked, is no news, and what can't
// be judged any more has not got better.
func (r Result) findingsSince(baseline Result) []Change {
	before, after := baseline.judged(), r.judged()
	var out []Change
	for _, c := range registry() {
		was, is := before[c.code], after[c.code]
		if was == "" || is == "" || was == Unknown || was == is {
			continue
		}
		what := c.code + " " + c.title
		switch {
		case is == Fail:
			out = append(out, Change{What: what, Before: "not found", After: "found", Worse: true})
		case was == Fail && is == Unknown:
			out = append(out, Change{What: what, Before: "found", After: "could not be measured"})
		case was == Fail:
			out = append(out, Change{What: what, Before: "found", After: "not found"})
		}
	}
	return out
}

// judged is what came of each check that was asked: Fail where it found something, however grave, Pass or Unknown.
func (r Result) judged() map[string]Status {
	out := map[string]Status{}
	for _, c := range r.Checks {
		if c.Status == Warn || c.Status == Remark {
			c.Status = Fail
		}
		out[c.Code] = c.Status
	}
	return out
}

func countChange(what string, before, after int64) Change {
	return Change{What: what, Before: fmt.Sprint(before), After: fmt.Sprint(after), Worse: after > before}
}

// timeChange compares two times; 0 is one that was not measured.
func timeChange(what string, before, after float64) []Change {
	delta := after - before
	if before <= 0 || after <= 0 || math.Abs(delta) < max(changeLeastMS, changeShare*before) {
		return nil
	}
	return []Change{{
		What: what, Before: fmt.Sprintf("%.1f ms", before), After: fmt.Sprintf("%.1f ms", after),
		DeltaMS: roundSigned(delta), Worse: delta > 0,
	}}
}
