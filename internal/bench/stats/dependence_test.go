package stats

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func windowsOf(rate int, over func(seq uint64) bool, requests int) *Windows {
	w := NewWindows()
	for seq := range uint64(requests) {
		w.Observe(time.Duration(seq)*time.Second/time.Duration(rate), over(seq))
	}
	return w
}

// Independent requests have a design effect of one, and are called dependent in
// about one phase of a hundred.
func TestIndependentRequestsAreNotCalledDependent(t *testing.T) {
	for _, share := range []float64{0.002, 0.01, 0.2} {
		dice := rand.New(rand.NewPCG(9, 9))
		const runs = 500
		flagged, mean := 0, 0.0
		for range runs {
			w := windowsOf(50, func(uint64) bool { return dice.Float64() < share }, 3000)
			d := w.Dependence()
			mean += d.Effect / runs
			if d.Clear {
				flagged++
			}
		}
		// Twice the nominal 1%, and 3 standard errors: rare events have the longer tail.
		if limit := int(runs*0.02 + 3*math.Sqrt(runs*0.02)); flagged > limit {
			t.Errorf("share %v: %d of %d independent phases were called dependent", share, flagged, runs)
		}
		// At least 1 by definition, so the mean is above it.
		if mean < 1 || mean > 1.15 {
			t.Errorf("share %v: mean design effect %v", share, mean)
		}
	}
}

// k whole seconds in which every request is slow, of S: the closed form of the
// design effect is rate * S/(S-1), whatever k is.
func TestBurstsHaveTheDesignEffectOfTheirSize(t *testing.T) {
	w := windowsOf(50, func(seq uint64) bool { return seq/50 == 7 || seq/50 == 30 }, 3000)
	d := w.Dependence()
	if want := 50 * 60.0 / 59; !d.Clear || math.Abs(d.Effect-want) > 1e-9 {
		t.Errorf("%+v, want %v", d, want)
	}
	if got := d.Effective(3000); got != 59 {
		t.Errorf("%d effective requests, want one for each of 60 seconds, nearly", got)
	}
}

func TestClaimsHaveToHoldForTheEffectiveSample(t *testing.T) {
	// 101 of 12,000 may be slow. Spread out they are no doubt; in one second at 50/s they
	// can't be; in bursts of 10 they are worth 10 of 1,200, and that claims nothing.
	spread := windowsOf(50, func(seq uint64) bool { return seq%120 == 0 }, 12000).Dependence()
	if why := spread.Doubt(12000, 100); why != "" || spread.Effect != 1 {
		t.Errorf("spread out: %q, %+v", why, spread)
	}
	bursts := windowsOf(50, func(seq uint64) bool { return seq%1200 < 10 }, 12000).Dependence()
	if why := bursts.Doubt(12000, 100); !strings.Contains(why, "came in bursts") {
		t.Errorf("bursts: %q, %+v", why, bursts)
	}
	few := windowsOf(50, func(seq uint64) bool { return seq < 10 }, 12000).Dependence()
	if why := few.Doubt(12000, 10); why != "" || !few.Clear {
		t.Errorf("one burst of 10 in 12000 leaves enough: %q, %+v", why, few)
	}
}

// A long phase joins its windows; nothing is lost and nothing grows.
func TestWindowsJoin(t *testing.T) {
	w := windowsOf(10, func(seq uint64) bool { return seq%7 == 0 }, 10*3600)
	n, over := 0, 0
	for _, c := range w.counts {
		n += c.requests
		over += c.over
	}
	if n != 36000 || over != 5143 || w.width != 32*time.Second {
		t.Errorf("%d requests, %d over, windows of %v", n, over, w.width)
	}
	if d := w.Dependence(); d.Clear || d.Effect != 1 {
		t.Errorf("%+v", d)
	}
}

func TestTooFewWindowsMeasureNothing(t *testing.T) {
	if d := windowsOf(100, func(seq uint64) bool { return seq < 50 }, 700).Dependence(); d != (Dependence{}) {
		t.Errorf("seven seconds: %+v", d)
	}
	var none *Windows
	none.Observe(time.Second, true)
	if d := none.Dependence(); d != (Dependence{}) {
		t.Errorf("no windows: %+v", d)
	}
}

// From the tables of the chi-square distribution.
func TestChiSquareBound(t *testing.T) {
	for freedom, want := range map[float64]float64{7: 18.475, 10: 23.209, 59: 87.166, 127: 166.99} {
		if got := chiSquareBound(freedom); math.Abs(got/want-1) > 0.005 {
			t.Errorf("%v: %v, want %v", freedom, got, want)
		}
	}
}
