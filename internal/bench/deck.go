package bench

// deck deals the steps of a scenario: in each round of `total` requests every
// step comes exactly as often as its weight says, in another order each round.
// So the step of a request, and how many requests of the same step came before
// it, are pure functions of the request's number.
type deck struct {
	seed    uint64
	weights []uint64 // by step, without their common divisor
	total   int
	slots   []uint16 // the step of each slot of a round, before it is shuffled
}

func newDeck(steps []ScenarioStep, seed uint64) deck {
	d := deck{seed: seed}
	common := uint64(0)
	for _, s := range steps {
		common = gcd(common, uint64(s.Weight)) //nolint:gosec // validated to be above zero
	}
	for _, s := range steps {
		w := uint64(s.Weight) / max(common, 1) //nolint:gosec // validated to be above zero
		d.weights = append(d.weights, w)
		d.total += int(w) //nolint:gosec // at most a million
	}
	if d.total > maxWeights {
		return d // refused by its reader
	}
	for i, w := range d.weights {
		for range w {
			d.slots = append(d.slots, uint16(i))
		}
	}
	return d
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// at is the step of request n, and how many requests before it were of that step.
func (d deck) at(n uint64) (step int, before uint64) {
	total := uint64(len(d.slots))
	round, place := n/total, n%total
	var shuffled [maxWeights]uint16
	order := d.shuffle(shuffled[:0], round)
	mine := order[place]
	before = round * d.weights[mine]
	for _, other := range order[:place] {
		if other == mine {
			before++
		}
	}
	return int(mine), before
}

// count is how many of the first n requests are of a step.
func (d deck) count(step int, n uint64) uint64 {
	total := uint64(len(d.slots))
	var shuffled [maxWeights]uint16
	count := n / total * d.weights[step]
	for _, one := range d.shuffle(shuffled[:0], n/total)[:n%total] {
		if int(one) == step {
			count++
		}
	}
	return count
}

// shuffle is the order of a round (Fisher and Yates).
func (d deck) shuffle(into []uint16, round uint64) []uint16 {
	into = append(into, d.slots...)
	key := scatter(scatter(d.seed) ^ round)
	for i := len(into) - 1; i > 0; i-- {
		key = scatter(key)
		j := key % uint64(i+1)
		into[i], into[j] = into[j], into[i]
	}
	return into
}
