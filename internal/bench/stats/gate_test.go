package stats

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestSamplesNeededToClaimAP99(t *testing.T) {
	for over, want := range map[int]int{0: 299, 1: 473, 2: 628, 5: 1049, 10: 1693, 20: 2902, 50: 6323, 100: 11799} {
		if got := SamplesNeeded(over); got != want {
			t.Errorf("SamplesNeeded(%d) = %d, want %d", over, got, want)
		}
		if !ClaimHolds(want, over) || ClaimHolds(want-1, over) {
			t.Errorf("the bound of %d slow ones is not at n = %d", over, want)
		}
		if got := OverAllowed(want); got != over {
			t.Errorf("OverAllowed(%d) = %d, want %d", want, got, over)
		}
	}
	if got := OverAllowed(298); got != -1 {
		t.Errorf("OverAllowed(298) = %d, want -1: it cannot claim a p99 at all", got)
	}
	if got := OverAllowed(12000); got != 101 {
		t.Errorf("OverAllowed(12000) = %d, want 101", got)
	}
}

func TestClaimRefuted(t *testing.T) {
	tests := []struct {
		n, over int
		want    bool
	}{
		{1000, 10, false}, // exactly 1%: neither bound holds
		{1000, 15, false}, // P(X >= 15) = 0.082
		{1000, 16, true},  // P(X >= 16) = 0.048
		{10, 0, false},
		{10, 1, false}, // 0.096
		{10, 2, true},  // 0.004
		{1, 1, true},   // 0.01
	}
	for _, tc := range tests {
		if got := ClaimRefuted(tc.n, tc.over); got != tc.want {
			t.Errorf("ClaimRefuted(%d, %d) = %v, want %v", tc.n, tc.over, got, tc.want)
		}
	}
}

func TestBinomialCDFAgainstExactArithmetic(t *testing.T) {
	for _, n := range []int{1, 2, 10, 299, 473, 1000} {
		for _, pct := range []int64{1, 50, 99} {
			exact := exactCDF(n, big.NewRat(pct, 100))
			for k := 0; k < n; k += 1 + n/50 {
				want, _ := exact[k].Float64()
				got := BinomialCDF(k, n, float64(pct)/100)
				if math.Abs(got-want) > 1e-12+1e-10*want {
					t.Errorf("P(Bin(%d, %d%%) <= %d) = %.15g, want %.15g", n, pct, k, got, want)
				}
			}
		}
	}
}

// exactCDF sums the binomial probabilities as fractions of whole numbers.
func exactCDF(n int, p *big.Rat) []*big.Float {
	num, den := p.Num(), p.Denom()
	rest := new(big.Int).Sub(den, num)
	all := new(big.Int).Exp(den, big.NewInt(int64(n)), nil)
	sum, out := new(big.Int), make([]*big.Float, n)
	for k := range n {
		term := new(big.Int).Binomial(int64(n), int64(k))
		term.Mul(term, new(big.Int).Exp(num, big.NewInt(int64(k)), nil))
		term.Mul(term, new(big.Int).Exp(rest, big.NewInt(int64(n-k)), nil))
		sum.Add(sum, term)
		out[k] = new(big.Float).Quo(new(big.Float).SetInt(sum), new(big.Float).SetInt(all))
	}
	return out
}

func TestGateBoundsNeverBothHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 2_000_000).Draw(t, "n")
		allowed := OverAllowed(n)
		if allowed >= 0 && (!ClaimHolds(n, allowed) || ClaimHolds(n, allowed+1)) {
			t.Fatalf("OverAllowed(%d) = %d is not the edge", n, allowed)
		}
		over := rapid.IntRange(0, n).Draw(t, "over")
		if ClaimHolds(n, over) && ClaimRefuted(n, over) {
			t.Fatalf("n = %d, over = %d: claimed and refuted at once", n, over)
		}
	})
}

// The coverage is computed, not simulated: P(lo-th sample <= p99 <= hi-th) is a
// binomial probability.
func TestP99RanksCoverAtLeast95Percent(t *testing.T) {
	for _, n := range []int{1, 50, 299, 367, 368, 500, 1000, 12000, 1_000_000} {
		lo, hi := P99Ranks(n)
		below := func(k int) float64 { return BinomialCDF(k, n, 1-Tail) }
		cover := 1.0
		if hi > 0 {
			cover = below(hi - 1)
		}
		if lo > 0 {
			cover -= below(lo - 1)
		}
		if cover < 0.95 {
			t.Errorf("n = %d: ranks [%d, %d] cover only %.4f", n, lo, hi, cover)
		}
		if (hi == 0) != (n < 368) {
			t.Errorf("n = %d: hi = %d; an upper bound exists from 368 on", n, hi)
		}
		if hi > 0 && below(hi-2) >= 0.975 {
			t.Errorf("n = %d: rank %d is wider than needed", n, hi)
		}
	}
}

func TestSureShare(t *testing.T) {
	// The closed form for all of n: 0.05^(1/n).
	if got, want := SureShare(20, 20), math.Pow(0.05, 1.0/20); math.Abs(got-want) > 1e-9 {
		t.Errorf("SureShare(20, 20) = %v, want %v", got, want)
	}
	if got := SureShare(20, 0); got != 0 {
		t.Errorf("SureShare(20, 0) = %v, want 0", got)
	}
}
