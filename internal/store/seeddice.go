package store

import (
	"math"
	"math/rand/v2"
)

// dice is a source of chance that is set anew for each row, from the seed, the
// kind of row and its number: so a row does not depend on the rows before it.
type dice struct {
	seed uint64
	pcg  rand.PCG
	r    *rand.Rand
}

func newDice(seed uint64) *dice {
	d := &dice{seed: seed}
	d.r = rand.New(&d.pcg) //nolint:gosec // sample data has to be repeatable, not secret
	return d
}

// kinds of rows.
const (
	diceUser uint64 = iota + 1
	diceHome
	diceTask
	diceCompletion
	diceContractor
	diceDocument
)

func (d *dice) set(kind uint64, row int) {
	d.pcg.Seed(d.seed^kind<<56, uint64(row)*0x9e3779b97f4a7c15+kind) //nolint:gosec // rows are not negative
	d.pcg.Uint64()
}

func (d *dice) below(n int) int { return d.r.IntN(n) }

func (d *dice) chance(percent int) bool { return d.r.IntN(100) < percent }

func (d *dice) pick(words []string) string { return words[d.r.IntN(len(words))] }

// skewed has a median of 1 and a long tail to the right.
func (d *dice) skewed(sigma float64) float64 { return math.Exp(d.r.NormFloat64() * sigma) }
