package config

import (
	"slices"
	"strings"
)

// ablateVariable turns decisions back, for an experiment only.
const ablateVariable = "HONEYDUE_ABLATE"

// The decisions that no other variable can turn back.
const (
	AblateWarmUp   = "s3" // the pool opens a connection when a request needs one, and /readyz does not wait for any
	AblateAuthJoin = "s8" // token and user are looked up by two statements, one after the other
)

// Experiment makes the server worse on purpose, so that `loadtest ablate` can show what a decision buys. It has no
// place in production: `honeydue config` and `probe` show it as differing, /readyz tells it, and the load test's
// release gate refuses a server that says so.
type Experiment struct {
	// Ablate is decisions with commas between them, such as s3,s8.
	Ablate string `env:"HONEYDUE_ABLATE"`
}

// ParseExperiment reads the experiment's variable.
func ParseExperiment(e Environ) (Experiment, error) {
	var x Experiment
	if err := parse(e, &x); err != nil {
		return Experiment{}, err
	}
	return x, x.Validate()
}

// Validate refuses what nothing turns back.
func (x Experiment) Validate() error {
	for _, decision := range x.Decisions() {
		if decision != AblateWarmUp && decision != AblateAuthJoin {
			return &Error{
				ablateVariable, "names a decision that it cannot revert",
				"Unset it; only 'honeydue loadtest ablate' sets it, to " + AblateWarmUp + ", " + AblateAuthJoin + " or both.",
			}
		}
	}
	return nil
}

// Decisions are those that are turned back, none outside of an experiment.
func (x Experiment) Decisions() []string {
	var out []string
	for decision := range strings.SplitSeq(strings.ToLower(x.Ablate), ",") {
		if decision = strings.TrimSpace(decision); decision != "" && !slices.Contains(out, decision) {
			out = append(out, decision)
		}
	}
	return out
}

// Has tells whether a decision is turned back.
func (x Experiment) Has(decision string) bool { return slices.Contains(x.Decisions(), decision) }
