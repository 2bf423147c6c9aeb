package stats

import (
	"math"
	"sort"
)

const (
	// Tail is the share of requests that a p99 target allows to be slower.
	Tail = 0.01
	// Risk is 1 minus the confidence of every verdict (95%).
	Risk = 0.05
)

// ClaimHolds reports whether "p99 <= target" may be claimed at 95% when over of
// n requests were slower than the target or failed: P(Bin(n, 0.01) <= over) <= 5%.
// That is: if 1% or more of all requests were really slower, so few slow ones
// would be seen in at most one run of twenty.
func ClaimHolds(n, over int) bool {
	return n > 0 && BinomialCDF(over, n, Tail) <= Risk
}

// ClaimRefuted reports the opposite bound: at most one run of twenty would show
// so many slow requests if the p99 met its target: P(Bin(n, 0.01) >= over) <= 5%.
func ClaimRefuted(n, over int) bool {
	return n > 0 && over > 0 && 1-BinomialCDF(over-1, n, Tail) <= Risk
}

// OverAllowed is the most slow or failed requests with which n requests may
// still claim the p99. It is -1 when n is too small to claim it even with none.
func OverAllowed(n int) int {
	return sort.Search(n+1, func(k int) bool { return !ClaimHolds(n, k) }) - 1
}

// SamplesNeeded is the least number of requests that may claim a p99 of which
// over were slower or failed. SamplesNeeded(0) is 299.
func SamplesNeeded(over int) int {
	hi := 512
	for !ClaimHolds(hi, over) {
		hi *= 2
	}
	return sort.Search(hi, func(n int) bool { return ClaimHolds(n, over) })
}

// P99Ranks returns the ranks (1 = the fastest) of the two samples that enclose
// the true p99 with at least 95% confidence, whatever the distribution
// (order-statistic interval, 2.5% on each side). A rank of 0 says that there is
// no such bound: too few samples.
func P99Ranks(n int) (lo, hi int) {
	const side = Risk / 2
	below := func(k int) float64 { return 1 - BinomialCDF(n-k-1, n, Tail) } // P(Bin(n, 0.99) <= k)
	lo = sort.Search(n, func(l int) bool { return below(l) > side })
	hi = sort.Search(n, func(u int) bool { return below(u) >= 1-side }) + 1
	if hi > n {
		hi = 0
	}
	return lo, hi
}

// SureShare is the share of all cases that is under a target, claimed at 95%,
// when under of n independent trials were (Clopper-Pearson, one-sided).
func SureShare(n, under int) float64 {
	if n <= 0 || under <= 0 {
		return 0
	}
	lo, hi := 0.0, 1.0
	for range 60 {
		mid := (lo + hi) / 2
		// P(at least `under` of n) if the share were mid.
		if 1-BinomialCDF(under-1, n, mid) > Risk {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}

// BinomialCDF is P(Bin(n, p) <= k). It sums the tail on the side of k, term by
// term from k outwards, where every term is smaller than the one before.
func BinomialCDF(k, n int, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n || p <= 0:
		return 1
	case p >= 1:
		return 0
	}
	if float64(k) < float64(n)*p {
		return lowerTail(k, n, p)
	}
	// P(X <= k) = 1 - P(n-X <= n-k-1), and n-X is Bin(n, 1-p).
	return 1 - lowerTail(n-k-1, n, 1-p)
}

// lowerTail is P(Bin(n, p) <= k) for a k below the mean.
func lowerTail(k, n int, p float64) float64 {
	term := math.Exp(logBinomial(n, k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	sum, odds := 0.0, (1-p)/p
	for i := k; i >= 0; i-- {
		sum += term
		if term < sum*1e-17 {
			break
		}
		term *= float64(i) / float64(n-i+1) * odds
	}
	return min(sum, 1)
}

func logBinomial(n, k int) float64 {
	a, _ := math.Lgamma(float64(n) + 1)
	b, _ := math.Lgamma(float64(k) + 1)
	c, _ := math.Lgamma(float64(n-k) + 1)
	return a - b - c
}
