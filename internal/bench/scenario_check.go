package bench

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// mistake finds the first thing that makes no sense, and where.
func (s Scenario) mistake() (path, what string) {
	for _, check := range []func() (string, string){
		s.mistakeAbove, s.mistakeInData, s.mistakeInSteps, s.mistakeInPhases,
	} {
		if path, what := check(); what != "" {
			return path, what
		}
	}
	return "", ""
}

func (s Scenario) mistakeAbove() (path, what string) {
	switch {
	case strings.TrimSpace(s.Name) == "":
		return "$.name", "the scenario needs a name"
	case len(s.Name) > 80:
		return "$.name", "the name has more than 80 letters"
	case s.Target.Timeout < 0:
		return "$.target.timeout", "the timeout must be above zero"
	case s.Target.MaxConnections < 0:
		return "$.target.max_connections", "max_connections can't be negative"
	case slices.Contains(s.Production, ""):
		return "$.production", "an empty name is not a host"
	}
	if s.Target.URL != "" {
		if _, err := ParseTarget(s.Target.URL); err != nil {
			return "$.target.url", err.Error()
		}
	}
	return "", ""
}

func (s Scenario) mistakeInData() (path, what string) {
	u, d := s.Users, s.Data
	most := max(u.Register, 1) * d.Residences * (1 + d.Tasks + d.Contractors)
	switch {
	case u.Register == 0 && u.Tokens == "":
		return "$.users", "a scenario needs users: register: N, or tokens: FILE"
	case u.Register != 0 && u.Tokens != "":
		return "$.users.tokens", "register and tokens both say who the users are: leave out one of them"
	case u.Register < 0 || u.Register > maxScenarioUsers:
		return "$.users.register", fmt.Sprintf("register must be 1 to %d", maxScenarioUsers)
	case d.Residences < 0:
		return "$.data.residences", "residences can't be negative"
	case d.Tasks < 0:
		return "$.data.tasks", "tasks can't be negative"
	case d.Contractors < 0:
		return "$.data.contractors", "contractors can't be negative"
	case d.Residences == 0 && d.Tasks+d.Contractors > 0:
		return "$.data", "tasks and contractors belong to a residence: residences must be above zero"
	case max(d.Residences, d.Tasks, d.Contractors) > maxScenarioRecords || most > maxScenarioRecords:
		return "$.data", fmt.Sprintf("that is more than %d records to make through the API", maxScenarioRecords)
	}
	return "", ""
}

func (s Scenario) mistakeInSteps() (path, what string) {
	if len(s.Steps) == 0 {
		return "$.steps", "a scenario needs at least one step"
	}
	names := make(map[string]bool)
	for i, step := range s.Steps {
		at := "$.steps[" + strconv.Itoa(i) + "]"
		a, known := actionNamed(step.Do)
		switch name := step.name(); {
		case (step.Do == "") == (step.Get == ""):
			return at, "a step needs one of do and get"
		case step.Get != "" && !goodPath(step.Get):
			return at + ".get", "get must be a path that begins with one slash, such as /api/tasks/"
		case step.Do != "" && !known:
			return at + ".do", fmt.Sprintf("there is no action %q; there are %s", step.Do, strings.Join(Actions(), ", "))
		case step.Weight < 1 || step.Weight > maxWeight:
			return at + ".weight", fmt.Sprintf("a step needs a weight of 1 to %d", maxWeight)
		case names[name]:
			return at, fmt.Sprintf("there are two steps %q: give one of them another name", name)
		case a.needsResidence && s.Data.Residences == 0:
			return at + ".do", step.Do + " needs a residence of the run's own: data.residences must be above zero"
		case a.needsTask && s.Data.Tasks == 0:
			return at + ".do", step.Do + " needs tasks of the run's own: data.tasks must be above zero"
		default:
			names[name] = true
		}
	}
	if newDeck(s.Steps, 0).total > maxWeights {
		return "$.steps", fmt.Sprintf("the weights add up to more than %d even without their common divisor: round them", maxWeights)
	}
	return "", ""
}

func (s Scenario) mistakeInPhases() (path, what string) {
	if len(s.Phases) == 0 {
		return "$.phases", "a scenario needs at least one phase"
	}
	names, all := make(map[string]bool), time.Duration(0)
	for i, p := range s.Phases {
		at := phaseAt(i)
		switch {
		case p.Name == "":
			return at, "a phase needs a name"
		case names[p.Name]:
			return at + ".name", fmt.Sprintf("there are two phases %q", p.Name)
		}
		names[p.Name] = true
		if field, what := p.mistake(); what != "" {
			return at + field, what
		}
		if field, what := s.mixMistake(p); what != "" {
			return at + field, "phase " + p.Name + ": " + what
		}
		if field, what := s.limitsMistake(p); what != "" {
			where := at + ".thresholds"
			if p.Thresholds == nil {
				where = "$.thresholds"
			}
			return where + field, "phase " + p.Name + ": " + what
		}
		schedule, err := p.schedule()
		if err != nil {
			return at, "phase " + p.Name + ": " + err.Error()
		}
		if all += schedule.Duration(); all > maxDuration {
			return at + ".duration", fmt.Sprintf("the phases take more than %v together", maxDuration)
		}
	}
	hands, err := s.hands()
	if err != nil {
		return "$.phases", err.Error()
	}
	for i, p := range s.Phases {
		if what := s.tooFew(p, hands[i]); what != "" {
			return phaseAt(i) + ".duration", "phase " + p.Name + ": " + what
		}
	}
	return "", ""
}

// mistake judges the fields of a phase by its shape. A field of another shape
// is refused: it would be passed over in silence.
func (p ScenarioPhase) mistake() (field, what string) {
	uses := map[string][]string{
		ShapeConstant: {"rate"}, ShapeRamp: {"from", "to"}, ShapeStep: {"rates"},
		ShapeSpike: {"rate", "peak"}, ShapeSoak: {"rate"}, ShapePoisson: {"rate", "seed"},
	}
	mine, known := uses[p.Shape]
	if !known {
		return ".shape", fmt.Sprintf("there is no shape %q; there are %s", p.Shape, strings.Join(Shapes(), ", "))
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"rate", p.Rate != 0},
		{"from", p.From != 0},
		{"to", p.To != 0},
		{"rates", p.Rates != nil},
		{"peak", p.Peak != 0},
		{"seed", p.Seed != 0},
	} {
		if f.set && !slices.Contains(mine, f.name) {
			return "." + f.name, fmt.Sprintf("shape %s has no %s: it takes %s and duration", p.Shape, f.name, strings.Join(mine, ", "))
		}
	}
	for _, rate := range append([]float64{p.Rate, p.From, p.To, p.Peak}, p.Rates...) {
		if rate < 0 || math.IsNaN(rate) || math.IsInf(rate, 0) {
			return "", "a rate must be a number above zero"
		}
	}
	switch {
	case mine[0] == "rate" && p.Rate == 0:
		return ".rate", "shape " + p.Shape + " needs a rate"
	case p.Shape == ShapeRamp && p.To == 0 && p.From == 0:
		return "", "shape ramp needs from and to, one of them above zero"
	case p.Shape == ShapeStep && (len(p.Rates) == 0 || slices.Contains(p.Rates, 0)):
		return ".rates", "shape step needs rates, each above zero"
	case p.Duration < 0 || (p.Duration == 0 && p.Shape != ShapeSoak):
		return ".duration", "a phase needs a duration above zero"
	}
	return "", ""
}

// limitsMistake judges the limits that hold for a phase.
func (s Scenario) limitsMistake(p ScenarioPhase) (field, what string) {
	limits, timeout := s.limitsOf(p), s.timeout()
	if limits.P99 == 0 {
		return "", "it needs a p99: that is what its verdict rests on"
	}
	if what := limits.mistake(timeout); what != "" {
		return "", what
	}
	for _, name := range limits.names() {
		if !slices.ContainsFunc(s.Steps, func(step ScenarioStep) bool { return step.name() == name }) {
			return ".steps", fmt.Sprintf("there is no step %q", name)
		}
		if what := limits.Steps[name].mistake(timeout); what != "" {
			return ".steps", name + ": " + what
		}
	}
	return "", ""
}

func (l ScenarioLimits) mistake(timeout time.Duration) string {
	switch {
	case l.P99 < 0 || l.P50 < 0:
		return "a limit must be above zero"
	case l.P99 >= timeout || l.P50 >= timeout:
		return fmt.Sprintf("a limit must be below the timeout of a request, %v", timeout)
	case l.ErrorRate != nil && (*l.ErrorRate < 0 || *l.ErrorRate >= 1 || math.IsNaN(*l.ErrorRate)):
		return "error_rate is a share from 0 to 1, such as 0.01"
	case l.TurnFree != nil && !(*l.TurnFree > 0 && *l.TurnFree <= 1): // NaN is neither
		return "turn_free is a share above 0 and at most 1, such as 0.97"
	case l.MaxDBTurns != nil && (*l.MaxDBTurns < 0 || *l.MaxDBTurns > mostTurns):
		return fmt.Sprintf("max_db_turns is a whole number from 0 to %d", mostTurns)
	}
	return ""
}

// tooFew says what a phase has too few of to end in a verdict. Every step's
// share of the requests is known beforehand, to the request.
func (s Scenario) tooFew(p ScenarioPhase, h hand) string {
	limits := s.limitsOf(p)
	schedule, err := p.schedule()
	if err != nil {
		return err.Error()
	}
	if n, least := schedule.Requests(), stats.SamplesNeeded(0); n < least {
		return fmt.Sprintf("%d requests cannot claim a p99: %d at least", n, least)
	}
	for _, t := range limits.thresholds() {
		n := schedule.Count()
		if t.Route != "" {
			i := slices.IndexFunc(s.Steps, func(step ScenarioStep) bool { return step.name() == t.Route })
			n = h.count(i, schedule.Count())
		}
		if least := t.Needed(); n < uint64(least) { //nolint:gosec // above zero
			about := "the phase"
			if t.Route != "" {
				about = "step " + t.Route
			}
			return fmt.Sprintf("%s has %d requests, which cannot claim its %s: %d at least", about, n, t.What(), least)
		}
	}
	if s.Users.Tokens != "" {
		return "" // how many users there are is known when the file was read: see CheckUsers
	}
	return s.tooFewTasks(h.deck, schedule, s.Users.Register)
}

// goodPath takes a path with a query and nothing else: no other host can be meant.
func goodPath(path string) bool {
	return CheckPath(path) == nil && !strings.HasPrefix(path, "//")
}
