package bench

import (
	"maps"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
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
	Mix        map[string]int      `yaml:"mix"` // weights of this phase, by the step's name; a step that is absent keeps its own
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
	// TurnFree is the least share of the requests that take no DB turn, above 0 to 1.
	TurnFree *float64 `yaml:"turn_free"`
	// MaxDBTurns is how many DB turns each request may take.
	MaxDBTurns *int `yaml:"max_db_turns"`
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
	maxWeight          = 1_000_000
	maxWeights         = 1000 // of all steps together, after their common divisor
	// mostTurns is far above what any request of the app takes: a limit beyond it limits nothing.
	mostTurns   = 100
	soakLength  = 30 * time.Minute
	spikeFactor = 4
)

func (s Scenario) timeout() time.Duration { return or(s.Target.Timeout, DefaultTimeout) }

// limitsOf are the limits that hold for a phase. Those of the scenario hold for
// the steps that the phase's mix has.
func (s Scenario) limitsOf(p ScenarioPhase) ScenarioThresholds {
	if p.Thresholds != nil {
		return *p.Thresholds
	}
	limits := s.Thresholds
	limits.Steps = maps.Clone(limits.Steps)
	maps.DeleteFunc(limits.Steps, func(name string, _ ScenarioLimits) bool {
		weight, own := p.Mix[name]
		return own && weight == 0
	})
	return limits
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
	whole := t.ScenarioLimits
	whole.P99 = 0
	out := whole.thresholds("")
	for _, name := range t.names() {
		out = append(out, t.Steps[name].thresholds(name)...)
	}
	return out
}

func (l ScenarioLimits) thresholds(route string) (out []Threshold) {
	if l.P99 > 0 {
		out = append(out, Threshold{Route: route, Share: stats.Tail, Limit: l.P99})
	}
	if l.P50 > 0 {
		out = append(out, Threshold{Route: route, Share: 0.5, Limit: l.P50})
	}
	if l.ErrorRate != nil {
		out = append(out, Threshold{Route: route, Share: *l.ErrorRate})
	}
	if l.TurnFree != nil {
		out = append(out, Threshold{Route: route, Share: 1 - *l.TurnFree, Turns: TurnFree})
	}
	if l.MaxDBTurns != nil {
		out = append(out, Threshold{Route: route, Turns: TurnsAtMost, Most: *l.MaxDBTurns})
	}
	return out
}

func (s ScenarioStep) name() string { return or(s.Name, or(s.Do, s.Get)) }

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
