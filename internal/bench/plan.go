package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// The phases.
const (
	PhaseWarm  = "warm"  // users whose data is cached, at a steady rate
	PhaseCold  = "cold"  // each request a user whom the server has not seen for an hour
	PhaseFirst = "first" // the first request after each of some restarts
	PhaseGet   = "get"   // one path of any server, without a login
	PhaseDB    = "db"    // the hot statements, straight at the pooler
)

// The targets that decide the verdict (docs/decisions/0001).
const (
	TargetWarm  = 200 * time.Millisecond
	TargetCold  = 700 * time.Millisecond
	TargetFirst = 900 * time.Millisecond
)

const (
	// warmUsers share the warm phase.
	warmUsers = 50
	// maxRateRemote is the highest rate on another machine; on this one its owner decides.
	maxRateRemote = 1_000
	maxDuration   = 24 * time.Hour
	// maxRateSearched is the highest rate that a search for the capacity of a server on this machine tries by itself.
	maxRateSearched = 20_000
)

// Plan is what a load test is going to do.
type Plan struct {
	Profile string
	Phases  []PhasePlan
	Skipped []Skipped
}

// Skipped is a phase of the profile that is not going to be measured.
type Skipped struct {
	Phase string `json:"phase"`
	Why   string `json:"why"`
}

// PhasePlan is one phase of a plan.
type PhasePlan struct {
	Name     string
	State    State         // of the server's caches; other samples are counted apart
	Schedule Schedule      // not for PhaseFirst
	Restarts int           // for PhaseFirst
	Users    int           // that the phase needs: shared when warm, each used once when cold or first
	Target   time.Duration // of the p99; of each first request
	Goals    []goal
	// A scenario's phase has requests of its own, and brings its users with them.
	Shots      Shots
	Thresholds []Threshold
	WarmUp     []Shot // each once before the phase, unmeasured
}

// goal is one of the project's own targets: a quantile and its limit, or the DB
// turns for each write.
type goal struct {
	text     string
	quantile float64
	limit    time.Duration
	writes   bool    // the quantile is that of the phase's writes
	turns    float64 // above 0: of all DB turns for each write
}

// PlanOptions are the choices behind a plan. A zero value leaves the choice to
// the profile.
type PlanOptions struct {
	Profile    string // of Profiles; "" with Get
	Get        bool   // one path of any server instead of a profile
	Database   bool   // the database tier alone instead of a profile
	Phases     []string
	Rate       float64 // of the warm phase and of a get
	Duration   time.Duration
	P99        time.Duration // target of the warm phase and of a get
	ColdP99    time.Duration
	MixedP99   time.Duration
	EveningP99 time.Duration
	First      time.Duration
	Restarts   int
	LinkRTT    time.Duration // between server and database; 0 = not known
}

// PlanError is a plan that could not end in a verdict. Hint says what to do.
type PlanError struct{ what, hint string }

// Error says what is wrong with the plan.
func (e *PlanError) Error() string { return e.what }

// Hint says what to do about it.
func (e *PlanError) Hint() string { return e.hint }

// Profiles lists the profiles, the default first.
func Profiles() []string { return []string{"release", "smoke", "soak", "spike", ProfileCapacity} }

// profile is what a named profile runs.
type profile struct {
	phases  []string
	others  []string // run when they are asked for
	warm    func(rate float64, over time.Duration) []Piece
	rate    float64
	over    time.Duration
	cold    Piece
	first   int
	evening time.Duration
}

func profileNamed(name string) (profile, bool) {
	steady := func(rate float64, over time.Duration) []Piece { return []Piece{{rate, rate, over}} }
	switch name {
	case "release":
		// 650 cold samples may claim a p99 with two of them slow.
		return profile{
			phases: []string{PhaseWarm, PhaseCold, PhaseFirst, PhaseEvening}, others: []string{PhaseMixed}, warm: steady, rate: 50, over: time.Minute,
			cold: Piece{30, 30, 650 * time.Second / 30}, first: 20, evening: eveningLength,
		}, true
	case "smoke":
		return profile{
			phases: []string{PhaseWarm, PhaseCold}, others: []string{PhaseEvening, PhaseMixed}, warm: steady, rate: 50, over: 10 * time.Second,
			cold: Piece{30, 30, 10 * time.Second}, first: 3, evening: eveningShort,
		}, true
	case "soak":
		return profile{phases: []string{PhaseWarm}, warm: steady, rate: 50, over: 30 * time.Minute}, true
	case "spike":
		return profile{phases: []string{PhaseWarm}, warm: spike, rate: 40, over: time.Minute}, true
	}
	return profile{}, false
}

// spike is a steady load that is four times as high in the middle third.
func spike(rate float64, over time.Duration) []Piece {
	third := over / 3
	return []Piece{{rate, rate, third}, {4 * rate, 4 * rate, third}, {rate, rate, third}}
}

// NewPlan makes a plan and judges whether it can end in a verdict: the check
// that is worth most before a run of minutes. Its error is a *PlanError.
func NewPlan(o PlanOptions) (Plan, error) {
	if o.Get {
		return singlePlan(PhaseGet, 0, o)
	}
	if o.Database {
		return singlePlan(PhaseDB, warmUsers, o)
	}
	if o.Profile == ProfileCapacity {
		return CapacityPlan(o, CapacityOptions{Step: o.Duration}, true)
	}
	p, ok := profileNamed(o.Profile)
	if !ok {
		return Plan{}, &PlanError{
			fmt.Sprintf("there is no profile %q", o.Profile),
			"Give --profile one of " + strings.Join(Profiles()[:len(Profiles())-1], ", ") + ".",
		}
	}
	phases, all := p.phases, slices.Concat(p.phases, p.others)
	if len(o.Phases) > 0 {
		for _, name := range o.Phases {
			if !slices.Contains(all, name) {
				return Plan{}, &PlanError{
					fmt.Sprintf("profile %s has no phase %q", o.Profile, name),
					"Its phases are " + strings.Join(all, ", ") + ".",
				}
			}
		}
		phases = o.Phases
	}
	plan := Plan{Profile: o.Profile}
	for _, name := range all { // in their order, whatever the order asked for
		if !slices.Contains(phases, name) {
			if slices.Contains(p.phases, name) { // the verdict must not look like the whole profile's
				plan.Skipped = append(plan.Skipped, Skipped{name, "--phases leaves it out"})
			}
			continue
		}
		phase, err := p.phase(name, o)
		if err != nil {
			return Plan{}, err
		}
		plan.Phases = append(plan.Phases, phase)
	}
	return plan, nil
}

func (p profile) phase(name string, o PlanOptions) (PhasePlan, error) {
	switch name {
	case PhaseCold:
		s, err := claimable(name, p.cold)
		return PhasePlan{
			Name: name, State: Cold, Schedule: s, Users: s.Requests(),
			Target: or(o.ColdP99, TargetCold), Goals: coldGoals(o.LinkRTT),
		}, err
	case PhaseMixed:
		s, err := claimable(name, p.warm(or(o.Rate, p.rate), or(o.Duration, p.over))...)
		return PhasePlan{
			Name: name, State: Mixed, Schedule: s, Users: newUsers(s),
			Target: or(o.MixedP99, TargetMixed), Goals: mixedGoals(o.LinkRTT),
		}, err
	case PhaseEvening:
		return eveningPlan(p.evening, o.EveningP99, o.LinkRTT)
	case PhaseFirst:
		n := or(o.Restarts, p.first)
		return PhasePlan{
			Name: name, Restarts: n, Users: n, Target: or(o.First, TargetFirst), Goals: firstGoals(o.LinkRTT),
		}, nil
	}
	s, err := claimable(name, p.warm(or(o.Rate, p.rate), or(o.Duration, p.over))...)
	return PhasePlan{
		Name: name, State: Warm, Schedule: s, Users: warmUsers,
		Target: or(o.P99, TargetWarm), Goals: warmGoals(o.LinkRTT),
	}, err
}

// singlePlan is a plan of one steady phase, in no particular state of the caches.
func singlePlan(name string, users int, o PlanOptions) (Plan, error) {
	rate := or(o.Rate, 50)
	s, err := claimable(name, Piece{rate, rate, or(o.Duration, 10*time.Second)})
	if err != nil {
		return Plan{}, err
	}
	return Plan{Profile: name, Phases: []PhasePlan{{
		Name: name, State: AnyState, Schedule: s, Users: users, Target: or(o.P99, TargetWarm),
	}}}, nil
}

// claimable makes a schedule with requests enough to claim a p99 if none is slow.
func claimable(phase string, pieces ...Piece) (Schedule, error) {
	s, err := NewSchedule(pieces...)
	if err != nil {
		return Schedule{}, &PlanError{fmt.Sprintf("phase %s: %v", phase, err), "Give --rate and --duration values above zero."}
	}
	if s.Duration() > maxDuration {
		return Schedule{}, &PlanError{fmt.Sprintf("phase %s would take %v", phase, s.Duration()), fmt.Sprintf("The longest is %v.", maxDuration)}
	}
	if least := stats.SamplesNeeded(0); s.Requests() < least {
		return Schedule{}, &PlanError{
			fmt.Sprintf("%d requests cannot claim a p99: %d at least", s.Requests(), least),
			fmt.Sprintf("Raise --rate or --duration: at %.4g/s it takes %.0f s.", s.MeanRate(), ceilSeconds(float64(least)/s.MeanRate())),
		}
	}
	return s, nil
}

func ceilSeconds(s float64) float64 { return float64(int(s) + 1) }

// Without takes a phase, if there is one, out of the plan and keeps the reason for the report.
func (p Plan) Without(phase, why string) Plan {
	if !slices.ContainsFunc(p.Phases, func(q PhasePlan) bool { return q.Name == phase }) {
		return p
	}
	out := Plan{Profile: p.Profile, Skipped: append(slices.Clone(p.Skipped), Skipped{phase, why})}
	out.Phases = slices.DeleteFunc(slices.Clone(p.Phases), func(q PhasePlan) bool { return q.Name == phase })
	return out
}

// UsersNeeded is how many accounts the plan needs at least: one that is shared
// by the warm phase, and one for each cold and each first request. The people of an
// evening are the run's own.
func (p Plan) UsersNeeded() int {
	n := 0
	for _, phase := range p.Phases {
		if phase.Shots != nil {
			continue
		}
		switch phase.Name {
		case PhaseWarm, PhaseDB:
			n++
		case PhaseMixed: // and the ones that the warm phase shares
			n += phase.Users
			if !slices.ContainsFunc(p.Phases, func(q PhasePlan) bool { return q.Name == PhaseWarm }) {
				n++
			}
		case PhaseCold, PhaseFirst:
			n += phase.Users
		}
	}
	return n
}

// Check judges whether the plan can be run with so many users, on a server that
// can or can't be restarted. Its error is a *PlanError.
func (p Plan) Check(users int, canRestart bool) error {
	for _, phase := range p.Phases {
		if phase.Name == PhaseFirst && phase.Shots == nil && !canRestart {
			return &PlanError{
				"phase first restarts the server before each of its requests, and nothing was given to restart it with",
				"Give --restart-cmd or --lab, or leave it out: --phases warm,cold,evening.",
			}
		}
	}
	if need := p.UsersNeeded(); users < need {
		return &PlanError{
			fmt.Sprintf("the plan needs %d users, each cold and first request one that was never used before, and has %d", need, users),
			"Seed more users and give their tokens (honeydue seed --users N --tokens FILE), or run fewer phases: --phases warm.",
		}
	}
	return nil
}

// CheckRate judges whether a host may be sent the rates of the plan. most is the
// limit that the user has set; 0 stands for none on this machine and for 1,000
// requests/s elsewhere. Its error is a *PlanError.
func (p Plan) CheckRate(loopback bool, most float64) error {
	switch {
	case most > 0:
	case loopback:
		return nil
	default:
		most = maxRateRemote
	}
	for _, phase := range p.Phases {
		if rate := phase.Schedule.peak(); rate > most {
			return &PlanError{
				fmt.Sprintf("%.0f requests/s is more than the %.0f that this host may be sent", rate, most),
				fmt.Sprintf("Lower the rate, or, if the host may take it, raise the limit: --max-rate %.0f.", math.Ceil(rate)),
			}
		}
	}
	return nil
}

// peak is the highest rate of the schedule.
func (s Schedule) peak() float64 {
	top := 0.0
	for _, p := range s.pieces {
		top = max(top, p.From, p.To)
	}
	return top
}

// The project's own targets (docs/benchmarks.md), R being the round trip
// of the link between server and database.

func quantileGoal(text string, quantile float64, limit time.Duration) goal {
	return goal{text: text, quantile: quantile, limit: limit}
}

func warmGoals(rtt time.Duration) []goal {
	if rtt == 0 {
		return nil
	}
	// A warm read asks no database, however far away it is.
	return []goal{quantileGoal("p50 <= 1.5 ms", 0.50, 1500*time.Microsecond), quantileGoal("p99 <= 10 ms", 0.99, 10*time.Millisecond)}
}

func coldGoals(rtt time.Duration) []goal {
	if rtt == 0 {
		return nil
	}
	return []goal{quantileGoal("p50 <= 1.2 R", 0.50, rtt*12/10), quantileGoal("p99 <= 1.6 R", 0.99, rtt*16/10)}
}

func firstGoals(rtt time.Duration) []goal {
	if rtt == 0 {
		return nil
	}
	return []goal{quantileGoal("each <= 1.35 R", 1, rtt*135/100)}
}

// or is a unless it is zero.
func or[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}
