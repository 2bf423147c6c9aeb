package stats

import (
	"fmt"
	"math"
	"time"
)

const (
	// maxWindows bounds what is kept for the dependence of a phase's samples; a
	// phase of more seconds gets windows of 2, 4, 8 ... seconds.
	maxWindows = 128
	// minWindows is how many windows a variance is judged by at least.
	minWindows = 8
	// clearly is the normal quantile of 99%: the dispersion of independent samples
	// is beyond it in one phase of a hundred.
	clearly = 2.3263
)

// Windows counts the slow requests of a phase by the time at which they were
// due. Requests that are slow because of one and the same event stand close
// together; the counts then vary more than those of independent requests would.
// Its size does not grow with the requests. A nil one measures nothing.
type Windows struct {
	width  time.Duration
	counts [maxWindows]window
}

// NewWindows counts in windows of one second at first; they grow with the run.
func NewWindows() *Windows { return &Windows{width: time.Second} }

type window struct{ requests, over int }

// Observe takes in one request that was due so long after the start of the phase.
func (w *Windows) Observe(at time.Duration, over bool) {
	if w == nil {
		return
	}
	for int(at/w.width) >= maxWindows {
		for i := range w.counts {
			var joined window
			if 2*i < maxWindows {
				one, two := w.counts[2*i], w.counts[2*i+1]
				joined = window{one.requests + two.requests, one.over + two.over}
			}
			w.counts[i] = joined
		}
		w.width *= 2
	}
	at /= w.width
	w.counts[at].requests++
	if over {
		w.counts[at].over++
	}
}

// Dependence is how far the samples of a phase are from independent ones.
type Dependence struct {
	// Effect is the design effect (Kish 1965): the variance of the slow requests
	// per window over the variance that independent requests have, at least 1. It
	// is 0 where it was not measured.
	Effect float64
	// Clear says that independent samples would hardly look like that.
	Clear bool
}

// Dependence compares the counts with binomial ones of the same mean: Pearson's
// dispersion statistic over its degrees of freedom.
func (w *Windows) Dependence() Dependence {
	if w == nil {
		return Dependence{}
	}
	n, over, used, squares := 0, 0, 0, 0.0
	for _, c := range w.counts {
		if c.requests == 0 {
			continue
		}
		used++
		n += c.requests
		over += c.over
		squares += float64(c.over) * float64(c.over) / float64(c.requests)
	}
	if used < minWindows {
		return Dependence{}
	}
	share := float64(over) / float64(n)
	if over == 0 || over == n {
		return Dependence{Effect: 1} // no variance to compare
	}
	statistic := (squares - share*float64(over)) / (share * (1 - share))
	freedom := float64(used - 1)
	return Dependence{
		Effect: max(1, statistic/freedom),
		Clear:  statistic > chiSquareBound(freedom),
	}
}

// chiSquareBound is the 99% quantile of the chi-square distribution (Wilson and
// Hilferty 1931; within 0.5% from 7 degrees of freedom on).
func chiSquareBound(freedom float64) float64 {
	spread := 2 / (9 * freedom)
	return freedom * math.Pow(1-spread+clearly*math.Sqrt(spread), 3)
}

// Effective is how many independent samples tell as much as n of these.
func (d Dependence) Effective(n int) int {
	if d.Effect <= 1 {
		return n
	}
	return int(float64(n) / d.Effect)
}

// Doubt says why a claim that n samples allow does not stand, because they
// depend on each other; "" when it stands. The claim has to hold for as many
// independent samples as they are worth, with the slow ones in the same share.
func (d Dependence) Doubt(n, over int) string {
	if !d.Clear {
		return ""
	}
	worth := d.Effective(n)
	slow := int(math.Ceil(float64(over) / d.Effect))
	if ClaimHolds(worth, slow) {
		return ""
	}
	return fmt.Sprintf("the %d slow requests came in bursts (design effect %.1f): %d requests are worth %d independent ones with %d slow, which is too few to claim a p99; measure longer",
		over, d.Effect, n, worth, slow)
}

// Rarity says of a target that was missed that few events may have done it, ""
// when that is not so. The miss stands: a gate has to prove that it may open,
// not that it may stay shut.
func (d Dependence) Rarity(n int) string {
	if !d.Clear {
		return ""
	}
	return fmt.Sprintf("the slow requests came in bursts (design effect %.1f): %d requests are worth %d independent ones, so a longer run shows better how often that happens",
		d.Effect, n, d.Effective(n))
}
