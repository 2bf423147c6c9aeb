package bench

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// stepsOf are the steps with the weights that they have in a phase. One that the
// phase leaves out stays, with a weight of 0, so that a step's index is the same
// in every phase.
func (s Scenario) stepsOf(p ScenarioPhase) []ScenarioStep {
	steps := slices.Clone(s.Steps)
	for i := range steps {
		if weight, own := p.Mix[steps[i].name()]; own {
			steps[i].Weight = weight
		}
	}
	return steps
}

// mixMistake judges the weights of a phase; field is relative to the phase.
func (s Scenario) mixMistake(p ScenarioPhase) (field, what string) {
	switch {
	case p.Mix == nil:
		return "", ""
	case len(p.Mix) == 0:
		return ".mix", "an empty mix changes nothing: leave it out"
	}
	for _, name := range slices.Sorted(maps.Keys(p.Mix)) {
		at := ".mix." + quoted(name)
		switch weight := p.Mix[name]; {
		case !slices.ContainsFunc(s.Steps, func(step ScenarioStep) bool { return step.name() == name }):
			return at, fmt.Sprintf("there is no step %q to mix", name)
		case weight < 0 || weight > maxWeight:
			return at, fmt.Sprintf("a weight in a mix is 0 (left out) to %d", maxWeight)
		}
	}
	d := newDeck(s.stepsOf(p), 0)
	switch {
	case d.total == 0:
		return ".mix", "the mix leaves every step out"
	case d.total > maxWeights:
		return ".mix", fmt.Sprintf("the weights add up to more than %d even without their common divisor: round them", maxWeights)
	}
	if p.Thresholds != nil {
		for _, name := range p.Thresholds.names() {
			if weight, own := p.Mix[name]; own && weight == 0 {
				return ".thresholds.steps." + quoted(name), fmt.Sprintf("step %q has a limit in a phase whose mix leaves it out", name)
			}
		}
	}
	return "", ""
}

// quoted is a name as a path in YAML has it.
func quoted(name string) string {
	for _, r := range name {
		if r != '_' && (r < 'a' || r > 'z') {
			return "'" + name + "'"
		}
	}
	return name
}

// hand is how the steps are dealt in one phase.
type hand struct {
	deck

	first uint64   // the number that the phase's first request has in the deck
	dealt []uint64 // by step: requests of the phases that had another deck before
}

// hands are the decks of all phases. One phase after another with the same
// weights goes on with the same deck; where they change, a new deck begins, and
// each step counts on, so that what one phase has completed the next one undoes.
func (s Scenario) hands() ([]hand, error) {
	var out []hand
	for i, p := range s.Phases {
		h := hand{deck: newDeck(s.stepsOf(p), s.Seed), dealt: make([]uint64, len(s.Steps))}
		if i > 0 {
			before := out[i-1]
			schedule, err := s.Phases[i-1].schedule()
			if err != nil {
				return nil, &PlanError{"phase " + s.Phases[i-1].Name + ": " + err.Error(), "Correct the scenario."}
			}
			if end := before.first + schedule.Count(); slices.Equal(h.weights, before.weights) {
				h.first, h.dealt = end, before.dealt
			} else {
				for step := range h.dealt {
					h.dealt[step] = before.dealt[step] + before.deck.count(step, end)
				}
			}
		}
		out = append(out, h)
	}
	return out, nil
}

// at is the step of the phase's request seq, and how many requests of all phases
// before it were of that step.
func (h hand) at(seq uint64) (step int, before uint64) {
	step, before = h.deck.at(h.first + seq)
	return step, h.dealt[step] + before
}

// count is how many of the phase's first n requests are of a step.
func (h hand) count(step int, n uint64) uint64 {
	return h.deck.count(step, h.first+n) - h.deck.count(step, h.first)
}

// phaseAt is the path of a phase in the file.
func phaseAt(i int) string { return "$.phases[" + strconv.Itoa(i) + "]" }
