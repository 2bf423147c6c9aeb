package bench

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

// windows counts the slow requests of a phase by the time at which they were
// due. Requests that are slow because of one and the same event stand close
// together; the counts then vary more than those of independent requests would.
// Its size does not grow with the requests. A nil one measures nothing.
type windows struct {
	width  time.Duration
	counts [maxWindows]window
}

func newWindows() *windows { return &windows{width: time.Second} }

type window struct{ requests, over int }

// observe takes in one request that was due so long after the start of the phase.
func (w *windows) observe(at time.Duration, over bool) {
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

// dependence is how far the samples of a phase are from independent ones.
type dependence struct {
	// effect is the design effect (Kish 1965): the variance of the slow requests
	// per window over the variance that independent requests have, at least 1. It
	// is 0 where it was not measured.
	effect float64
	// clear says that independent samples would hardly look like that.
	clear bool
}

// dependence compares the counts with binomial ones of the same mean: Pearson's
// dispersion statistic over its degrees of freedom.
func (w *windows) dependence() dependence {
	if w == nil {
		return dependence{}
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
		return dependence{}
	}
	share := float64(over) / float64(n)
	if over == 0 || over == n {
		return dependence{effect: 1} // no variance to compare
	}
	statistic := (squares - share*float64(over)) / (share * (1 - share))
	freedom := float64(used - 1)
	return dependence{
		effect: max(1, statistic/freedom),
		clear:  statistic > chiSquareBound(freedom),
	}
}

// chiSquareBound is the 99% quantile of the chi-square distribution (Wilson and
// Hilferty 1931; within 0.5% from 7 degrees of freedom on).
func chiSquareBound(freedom float64) float64 {
	spread := 2 / (9 * freedom)
	return freedom * math.Pow(1-spread+clearly*math.Sqrt(spread), 3)
}

// effective is how many independent samples tell as much as n of these.
func (d dependence) effective(n int) int {
	if d.effect <= 1 {
		return n
	}
	return int(float64(n) / d.effect)
}

// doubt says why a claim that n samples allow does not stand, because they
// depend on each other; "" when it stands. The claim has to hold for as many
// independent samples as they are worth, with the slow ones in the same share.
func (d dependence) doubt(n, over int) string {
	if !d.clear {
		return ""
	}
	worth := d.effective(n)
	slow := int(math.Ceil(float64(over) / d.effect))
	if ClaimHolds(worth, slow) {
		return ""
	}
	return fmt.Sprintf("the %d slow requests came in bursts (design effect %.1f): %d requests tell no more than %d independent ones with %d slow, which claim no p99; measure longer",
		over, d.effect, n, worth, slow)
}

// rarity says of a target that was missed that few events may have done it, ""
// when that is not so. The miss stands: a gate has to prove that it may open,
// not that it may stay shut.
func (d dependence) rarity(n int) string {
	if !d.clear {
		return ""
	}
	return fmt.Sprintf("the slow requests came in bursts (design effect %.1f): %d requests tell no more than %d independent ones, so a longer run says better how often that happens",
		d.effect, n, d.effective(n))
}
