package bench

import (
	"context"
	"encoding/hex"
)

// RunName is the run's id as it tags what a scenario makes on a target: the
// first 16 digits of each of its trace ids.
func (h *Hitter) RunName() string { return hex.EncodeToString(h.run[:]) }

// scripted runs a phase that has requests of its own.
func (r *run) scripted(ctx context.Context, p PhasePlan) (stop bool, err error) {
	if err := r.askEach(ctx, p.Name, p.WarmUp); err != nil {
		return true, err
	}
	if ended(ctx) {
		return true, nil
	}
	phase, tripped := r.steady(ctx, p, p.Shots)
	r.add(phase)
	return tripped, nil
}
