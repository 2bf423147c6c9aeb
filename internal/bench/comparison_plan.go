package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// Slicing is how two servers take turns. A zero value leaves the choice to the
// package.
type Slicing struct {
	Slices    int           // of each side; 0 = 10
	Length    time.Duration // of one; 0 = 10 s
	Seed      uint64        // of the order within each pair, and of the bootstrap; 0 = 1
	MinEffect float64       // 0 = DefaultMinEffect
}

func (s Slicing) complete() Slicing {
	s.Slices, s.Length = or(s.Slices, 10), or(s.Length, 10*time.Second)
	s.Seed, s.MinEffect = or(s.Seed, 1), or(s.MinEffect, stats.DefaultMinEffect)
	return s
}

// ComparePlan is the plan of one slice. Only a steady load on warm users (or on
// one path) can take turns: a user is cold once. Its error is a *PlanError.
func ComparePlan(o PlanOptions, s Slicing) (Plan, error) {
	s = s.complete()
	rate := or(o.Rate, 50)
	phase := PhasePlan{Name: PhaseGet, State: AnyState, Target: or(o.P99, TargetWarm)}
	plan := Plan{Profile: PhaseGet}
	if !o.Get {
		p, ok := profileNamed(o.Profile)
		if !ok || !slices.Contains(p.phases, PhaseCold) {
			return Plan{}, &PlanError{
				fmt.Sprintf("the load cannot alternate between two servers under the profile %q, because its load differs from slice to slice", o.Profile),
				"Compare with --profile release or smoke, or with --get PATH.",
			}
		}
		rate = or(o.Rate, p.rate)
		phase.Name, phase.State, phase.Users = PhaseWarm, Warm, warmUsers
		plan.Profile = o.Profile
		for _, name := range p.phases {
			switch name {
			case PhaseWarm:
			case PhaseEvening:
				plan.Skipped = append(plan.Skipped, Skipped{name, "a comparison writes nothing: both servers may be on one database"})
			default:
				plan.Skipped = append(plan.Skipped, Skipped{name, "a comparison asks the same users again and again: it is about warm ones"})
			}
		}
	}
	if s.Slices < stats.MinSlices {
		return Plan{}, &PlanError{
			fmt.Sprintf("%d slices of each server cannot show a difference: %d at least, and 10 find one of 20%%", s.Slices, stats.MinSlices),
			"Raise --slices.",
		}
	}
	schedule, err := Constant(rate, s.Length)
	if err != nil {
		return Plan{}, &PlanError{fmt.Sprintf("a slice: %v", err), "Give --rate and --slice-length values above zero."}
	}
	if schedule.Requests() < leastOfSlice {
		return Plan{}, &PlanError{
			fmt.Sprintf("a slice of %d requests has no p99: %d at least", schedule.Requests(), leastOfSlice),
			fmt.Sprintf("Raise --rate or --slice-length: at %.4g/s it takes %.0f s.", rate, ceilSeconds(leastOfSlice/rate)),
		}
	}
	if took := 2 * time.Duration(s.Slices) * s.Length; took > maxDuration {
		return Plan{}, &PlanError{fmt.Sprintf("the comparison would take %v", took), fmt.Sprintf("The longest is %v.", maxDuration)}
	}
	phase.Schedule = schedule
	plan.Phases = []PhasePlan{phase}
	return plan, nil
}

// orders is which side goes first in each pair: either one in half of them, so
// that neither gains from what the first slice of a pair leaves behind, and in an
// order that nothing else on the machine can follow.
func orders(pairs int, seed uint64) [][2]int {
	out := make([][2]int, pairs)
	for i := range out {
		out[i] = [2]int{i % 2, 1 - i%2}
	}
	dice := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the order is to be the same for the same seed
	dice.Shuffle(pairs, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
