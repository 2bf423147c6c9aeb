package stats

import (
	"math"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// withU is two samples without ties in which u of the pairs have the larger
// value in b.
func withU(n, m, u int) (a, b []float64) {
	// b at the bottom gives u = 0; each step of a value of b past one of a adds 1.
	order := make([]bool, 0, n+m) // true = b
	for range m {
		order = append(order, true)
	}
	for range n {
		order = append(order, false)
	}
	for ; u > 0; u-- {
		for i := len(order) - 2; i >= 0; i-- {
			if order[i] && !order[i+1] {
				order[i], order[i+1] = false, true
				break
			}
		}
	}
	for i, ofB := range order {
		if ofB {
			b = append(b, float64(i))
		} else {
			a = append(a, float64(i))
		}
	}
	return a, b
}

// The published table of critical values (two-sided, 5%): the largest U that is
// significant.
func TestMannWhitneyCriticalValues(t *testing.T) {
	for _, tc := range []struct{ n, m, critical int }{
		{4, 4, 0}, {5, 5, 2}, {6, 6, 5}, {7, 7, 8}, {8, 8, 13}, {9, 9, 17}, {10, 10, 23}, {5, 10, 8}, {8, 12, 22}, {15, 15, 64}, {20, 20, 127},
	} {
		for u, significant := range map[int]bool{tc.critical: true, tc.critical + 1: false} {
			got, p := MannWhitney(withU(tc.n, tc.m, u))
			if got != float64(u) || (p <= 0.05) != significant {
				t.Errorf("n=%d m=%d: u = %v, p = %v; want u = %d, significant: %v", tc.n, tc.m, got, p, u, significant)
			}
		}
	}
}

// The permeability constants of Hollander and Wolfe (1973), p. 69: W = 35, and
// P(W >= 35) = 0.1272.
func TestMannWhitneyPublishedExample(t *testing.T) {
	term := []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	early := []float64{1.15, 0.88, 0.90, 0.74, 1.21}
	u, p := MannWhitney(early, term)
	if u != 35 || math.Abs(p-2*0.1272) > 0.0001 {
		t.Errorf("u = %v, p = %v; want 35, 0.2544", u, p)
	}
}

// With ties, the exact p is that of all arrangements of the same values, counted here one by one.
func TestMannWhitneyCountsAllArrangements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Map(rapid.IntRange(0, 4), func(i int) float64 { return float64(i) })
		a := rapid.SliceOfN(value, 1, 6).Draw(t, "a")
		b := rapid.SliceOfN(value, 1, 6).Draw(t, "b")
		u, p := MannWhitney(a, b)
		if want := pairsWon(a, b); u != want {
			t.Fatalf("u = %v, want %v", u, want)
		}
		all := append(append([]float64{}, a...), b...)
		low, high, total := 0.0, 0.0, 0.0
		for mask := uint(0); mask < 1<<len(all); mask++ {
			if bits.OnesCount(mask) != len(b) {
				continue
			}
			var x, y []float64
			for i, v := range all {
				if mask&(1<<i) != 0 {
					y = append(y, v)
				} else {
					x = append(x, v)
				}
			}
			total++
			if w := pairsWon(x, y); w <= u {
				low++
				if w == u {
					high++
				}
			} else {
				high++
			}
		}
		if want := min(1, 2*min(low, high)/total); math.Abs(p-want) > 1e-12 {
			t.Fatalf("p = %v, want %v", p, want)
		}
	})
}

func pairsWon(a, b []float64) (u float64) {
	for _, x := range a {
		for _, y := range b {
			switch {
			case y > x:
				u++
			case y == x:
				u += 0.5
			}
		}
	}
	return u
}

// Just below and just above the border of the exact count the two ways agree.
func TestMannWhitneyApproximationJoinsTheExactTest(t *testing.T) {
	for _, u := range []int{190, 200, 230, 260, 312} {
		_, exact := MannWhitney(withU(25, 25, u))
		groups, _ := ranks(withU(25, 25, u))
		if len(groups) != 50 {
			t.Fatalf("%d groups", len(groups))
		}
		z := (math.Abs(float64(u)-312.5) - 0.5) / math.Sqrt(25*25*51/12.0)
		if want := math.Erfc(z / math.Sqrt2); math.Abs(exact-want) > 0.004 {
			t.Errorf("u = %d: exact %v, approximation %v", u, exact, want)
		}
	}
	a, b := withU(26, 25, 200) // 51 values: approximated
	if _, p := MannWhitney(a, b); math.Abs(p-0.0189) > 0.001 {
		t.Errorf("p = %v, want 0.0189 (z = 2.346)", p)
	}
	same := make([]float64, 30)
	if _, p := MannWhitney(same, same); p != 1 {
		t.Errorf("all equal: p = %v", p)
	}
	if _, p := MannWhitney(nil, same); p != 1 {
		t.Errorf("nothing: p = %v", p)
	}
}
