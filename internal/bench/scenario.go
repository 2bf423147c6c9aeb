package bench

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Scenario is a load test as a file: who does what, how often, in which phases,
// and which limits have to hold. Its YAML is described by ScenarioSchema.
type Scenario struct {
	Name       string             `yaml:"name"`
	Target     ScenarioTarget     `yaml:"target"`
	Production []string           `yaml:"production"` // hosts that are tested only when their name is typed
	Users      ScenarioUsers      `yaml:"users"`
	Data       ScenarioRecords    `yaml:"data"` // made for each user before the first phase
	Seed       uint64             `yaml:"seed"` // of the order of the steps
	WarmUp     *bool              `yaml:"warm_up"`
	Steps      []ScenarioStep     `yaml:"steps"`
	Thresholds ScenarioThresholds `yaml:"thresholds"` // of each phase that has none of its own
	Phases     []ScenarioPhase    `yaml:"phases"`
}

// ScenarioTarget is the server under test and how it is reached.
type ScenarioTarget struct {
	URL            string        `yaml:"url"`
	Timeout        time.Duration `yaml:"timeout"`
	MaxConnections int           `yaml:"max_connections"`
	CA             string        `yaml:"ca"` // file of certificates to trust, PEM
}

// ScenarioUsers says as whom the requests are sent: accounts that the run
// registers, or accounts whose tokens a file has.
type ScenarioUsers struct {
	Register int    `yaml:"register"`
	Tokens   string `yaml:"tokens"`
}

// ScenarioRecords is what each user is given. Tasks and contractors count by residence.
type ScenarioRecords struct {
	Residences  int `yaml:"residences"`
	Tasks       int `yaml:"tasks"`
	Contractors int `yaml:"contractors"`
}

// ScenarioStep is one thing that users do, and its share of the requests.
type ScenarioStep struct {
	Name   string `yaml:"name"` // as reports and thresholds name it; "" = Do, or Get
	Do     string `yaml:"do"`   // one of Actions
	Get    string `yaml:"get"`  // instead of Do: a path to read
	Weight int    `yaml:"weight"`
}

// ScenarioPhase is one phase: a shape of load, and limits.
type ScenarioPhase struct {
	Name       string              `yaml:"name"`
	Shape      string              `yaml:"shape"` // one of Shapes
	Rate       float64             `yaml:"rate"`  // requests per second
	From       float64             `yaml:"from"`  // ramp
	To         float64             `yaml:"to"`    // ramp
	Rates      []float64           `yaml:"rates"` // step
	Peak       float64             `yaml:"peak"`  // spike
	Seed       uint64              `yaml:"seed"`  // poisson
	Duration   time.Duration       `yaml:"duration"`
	Thresholds *ScenarioThresholds `yaml:"thresholds"`
}

// ScenarioThresholds are the limits of a phase. The p99 is the one that its
// verdict rests on, and is needed.
type ScenarioThresholds struct {
	ScenarioLimits `yaml:",inline"`
	Steps          map[string]ScenarioLimits `yaml:"steps"` // by the name of the step
}

// ScenarioLimits are limits on one set of requests; what is absent is no limit.
type ScenarioLimits struct {
	P99       time.Duration `yaml:"p99"`
	P50       time.Duration `yaml:"p50"`
	ErrorRate *float64      `yaml:"error_rate"` // share of the requests that may fail, 0 to 1
}

// The shapes of a phase's load.
const (
	ShapeConstant = "constant"
	ShapeRamp     = "ramp"
	ShapeStep     = "step"
	ShapeSpike    = "spike"
	ShapeSoak     = "soak"
	ShapePoisson  = "poisson"
)

// Shapes lists the shapes.
func Shapes() []string {
	return []string{ShapeConstant, ShapeRamp, ShapeStep, ShapeSpike, ShapeSoak, ShapePoisson}
}

// Limits of good manners for what a scenario may make on a target.
const (
	maxScenarioUsers   = 1000
	maxScenarioRecords = 100_000 // of all users together
	maxWeights         = 1000    // of all steps together, after their common divisor
	soakLength         = 30 * time.Minute
	spikeFactor        = 4
)

// ScenarioError is a mistake in a scenario, with its place in the file.
type ScenarioError struct {
	Line, Column int // from 1; 0 = not known
	What         string
}

// Error says what is wrong, behind its place: "12:5: ...".
func (e *ScenarioError) Error() string {
	if e.Line == 0 {
		return e.What
	}
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.What)
}

// ReadScenario reads a scenario. Every mistake is a *ScenarioError: bad YAML, a
// field that does not exist, a value that makes no sense, a plan that could not
// end in a verdict.
func ReadScenario(data []byte) (Scenario, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return Scenario{}, placedError(err)
	}
	if e := durationMistake(file); e != nil {
		return Scenario{}, e
	}
	var s Scenario
	if err := yaml.UnmarshalWithOptions(data, &s, yaml.Strict()); err != nil {
		return Scenario{}, placedError(err)
	}
	if path, what := s.mistake(); what != "" {
		e := &ScenarioError{What: what}
		e.Line, e.Column = placeOf(file, path)
		return Scenario{}, e
	}
	return s, nil
}

// placedError takes line and column out of the library's error.
func placedError(err error) error {
	if own, ok := errors.AsType[yaml.Error](err); ok {
		e := &ScenarioError{What: own.GetMessage()}
		if at := own.GetToken(); at != nil && at.Position != nil {
			e.Line, e.Column = at.Position.Line, at.Position.Column
		}
		return e
	}
	what, _, _ := strings.Cut(err.Error(), "\n")
	return &ScenarioError{What: what}
}

// durationMistake finds a duration that is none. The library takes a bare number
// as nanoseconds, which nobody means, and does not say where another mistake is.
func durationMistake(file *ast.File) *ScenarioError {
	find := &durationFinder{}
	for _, doc := range file.Docs {
		ast.Walk(find, doc.Body)
	}
	return find.found
}

type durationFinder struct{ found *ScenarioError }

// Visit implements ast.Visitor.
func (f *durationFinder) Visit(node ast.Node) ast.Visitor {
	v, ok := node.(*ast.MappingValueNode)
	if !ok || f.found != nil || !slices.Contains([]string{"duration", "timeout", "p99", "p50"}, v.Key.String()) {
		return f
	}
	scalar, ok := v.Value.(ast.ScalarNode)
	if !ok {
		return f // a step of that name, or something that the decoder refuses
	}
	text := fmt.Sprint(scalar.GetValue())
	if _, err := time.ParseDuration(text); err != nil || v.Value.Type() != ast.StringType {
		at := v.Value.GetToken().Position
		f.found = &ScenarioError{Line: at.Line, Column: at.Column, What: fmt.Sprintf("%s %q is no duration with a unit, such as 200ms or 30s", v.Key, text)}
	}
	return f
}

// placeOf finds a path such as $.phases[1].rate in the file, or the nearest
// thing above it: what is wrong may be what is not there.
func placeOf(file *ast.File, path string) (line, column int) {
	for path != "" && path != "$" {
		if at, err := yaml.PathString(path); err == nil {
			if node, err := at.FilterFile(file); err == nil && node != nil && node.GetToken() != nil {
				// A mapping's own token is its first colon; its first key is where a reader looks.
				if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
					node = m.Values[0].Key
				} else if v, ok := node.(*ast.MappingValueNode); ok {
					node = v.Key
				}
				at := node.GetToken().Position
				return at.Line, at.Column
			}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 1, 1
}

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
		return "$.target.timeout", "the time-out must be above zero"
	case s.Target.MaxConnections < 0:
		return "$.target.max_connections", "max_connections can't be negative"
	case slices.Contains(s.Production, ""):
		return "$.production", "an empty name is no host"
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
		case step.Weight < 1 || step.Weight > 1_000_000:
			return at + ".weight", "a step needs a weight of 1 to 1000000"
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
	names, all, first := make(map[string]bool), time.Duration(0), uint64(0)
	for i, p := range s.Phases {
		at := "$.phases[" + strconv.Itoa(i) + "]"
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
		if what := s.tooFew(p, schedule, first); what != "" {
			return at + ".duration", "phase " + p.Name + ": " + what
		}
		first += schedule.Count()
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
		return fmt.Sprintf("a limit must be below the time-out of a request, %v", timeout)
	case l.ErrorRate != nil && (*l.ErrorRate < 0 || *l.ErrorRate >= 1 || math.IsNaN(*l.ErrorRate)):
		return "error_rate is a share from 0 to 1, such as 0.01"
	}
	return ""
}

// tooFew says what a phase has too few of to end in a verdict. Every step's
// share of the requests is known beforehand, to the request.
func (s Scenario) tooFew(p ScenarioPhase, schedule Schedule, first uint64) string {
	d, limits := newDeck(s.Steps, s.Seed), s.limitsOf(p)
	if n, least := schedule.Requests(), SamplesNeeded(0); n < least {
		return fmt.Sprintf("%d requests cannot claim a p99: %d at least", n, least)
	}
	for _, t := range limits.thresholds() {
		n := schedule.Count()
		if t.Route != "" {
			i := slices.IndexFunc(s.Steps, func(step ScenarioStep) bool { return step.name() == t.Route })
			n = d.count(i, first+schedule.Count()) - d.count(i, first)
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
	return s.tooFewTasks(d, schedule, s.Users.Register)
}

func (s Scenario) timeout() time.Duration { return or(s.Target.Timeout, DefaultTimeout) }

// limitsOf are the limits that hold for a phase.
func (s Scenario) limitsOf(p ScenarioPhase) ScenarioThresholds {
	if p.Thresholds != nil {
		return *p.Thresholds
	}
	return s.Thresholds
}

// names lists the steps that have limits of their own, in a fixed order.
func (t ScenarioThresholds) names() []string {
	var out []string
	for name := range t.Steps {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// thresholds are the limits beside the p99 of the whole phase.
func (t ScenarioThresholds) thresholds() []Threshold {
	out := ScenarioLimits{P50: t.P50, ErrorRate: t.ErrorRate}.thresholds("")
	for _, name := range t.names() {
		out = append(out, t.Steps[name].thresholds(name)...)
	}
	return out
}

func (l ScenarioLimits) thresholds(route string) (out []Threshold) {
	if l.P99 > 0 {
		out = append(out, Threshold{Route: route, Share: tail, Limit: l.P99})
	}
	if l.P50 > 0 {
		out = append(out, Threshold{Route: route, Share: 0.5, Limit: l.P50})
	}
	if l.ErrorRate != nil {
		out = append(out, Threshold{Route: route, Share: *l.ErrorRate})
	}
	return out
}

func (s ScenarioStep) name() string { return or(s.Name, or(s.Do, s.Get)) }

// goodPath takes a path with a query and nothing else: no other host can be meant.
func goodPath(path string) bool {
	u, err := url.Parse(path)
	return err == nil && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && u.Fragment == ""
}

// schedule is when the requests of a phase are due.
func (p ScenarioPhase) schedule() (Schedule, error) {
	over := p.Duration
	switch p.Shape {
	case ShapeRamp:
		return NewSchedule(Piece{p.From, p.To, over})
	case ShapeStep:
		each := over / time.Duration(len(p.Rates))
		var pieces []Piece
		for _, rate := range p.Rates {
			pieces = append(pieces, Piece{rate, rate, each})
		}
		return NewSchedule(pieces...)
	case ShapeSpike:
		third, peak := over/3, or(p.Peak, spikeFactor*p.Rate)
		return NewSchedule(Piece{p.Rate, p.Rate, third}, Piece{peak, peak, third}, Piece{p.Rate, p.Rate, third})
	case ShapeSoak:
		return Constant(p.Rate, or(over, soakLength))
	case ShapePoisson:
		return Poisson(p.Rate, over, p.Seed)
	}
	return Constant(p.Rate, over)
}
