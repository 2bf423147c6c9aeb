package bench

import (
	"testing"

	"pgregory.net/rapid"
)

func TestTheDeckDealsExactly(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var steps []ScenarioStep
		for range rapid.IntRange(1, 6).Draw(r, "steps") {
			steps = append(steps, ScenarioStep{Weight: 3 * rapid.IntRange(1, 20).Draw(r, "weight")})
		}
		d := newDeck(steps, rapid.Uint64().Draw(r, "seed"))
		counts := make([]uint64, len(steps))
		for n := range uint64(3 * d.total) {
			for i := range steps {
				if got := d.count(i, n); got != counts[i] {
					r.Fatalf("count(%d, %d) = %d, dealt were %d", i, n, got, counts[i])
				}
			}
			step, before := d.at(n)
			if before != counts[step] {
				r.Fatalf("at(%d) says that %d of step %d came before; it were %d", n, before, step, counts[step])
			}
			counts[step]++
		}
		for i, s := range steps {
			// Three rounds: three times the weight, without the common divisor.
			if counts[i]*uint64(steps[0].Weight) != counts[0]*uint64(s.Weight) || counts[i] != 3*d.weights[i] {
				r.Fatalf("weights %v were dealt as %v", steps, counts)
			}
		}
	})
}

func TestTheDeckDependsOnItsSeed(t *testing.T) {
	steps := []ScenarioStep{{Weight: 5}, {Weight: 4}}
	a, b, same := newDeck(steps, 1), newDeck(steps, 2), true
	rounds := make(map[string]bool)
	for n := range uint64(900) {
		x, _ := a.at(n)
		y, _ := b.at(n)
		same = same && x == y
		if n%9 == 0 {
			order := ""
			for i := range uint64(9) {
				step, _ := a.at(n + i)
				order += string(rune('0' + step))
			}
			rounds[order] = true
		}
	}
	if same {
		t.Error("two seeds deal the same")
	}
	if len(rounds) < 40 { // of 126 orders
		t.Errorf("100 rounds have %d orders", len(rounds))
	}
}
