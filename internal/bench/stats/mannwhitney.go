package stats

import (
	"cmp"
	"math"
	"slices"
)

// exactUpTo is the most values, of both samples together, for which the
// Mann-Whitney test counts every arrangement. There are 1.3e14 of 25 in 50: a
// float64 counts them without an error.
const exactUpTo = 50

// MannWhitney is the two-sided rank test of "neither sample tends to be larger".
// u counts the pairs in which the value of b is the larger one, a tie as a half;
// p is the chance of a u so far from the middle if there were no difference. Up
// to 50 values p is exact, ties included (the distribution given the ties, as of
// Mann and Whitney 1947 without any); above it is the normal approximation with
// the corrections for ties and for continuity. An empty sample gives p = 1.
func MannWhitney(a, b []float64) (u, p float64) {
	if len(a) == 0 || len(b) == 0 {
		return 0, 1
	}
	groups, sum := ranks(a, b)
	n, m := float64(len(a)), float64(len(b))
	// sum is twice the rank sum of b; the least that b can have is m(m+1)/2.
	u = float64(sum)/2 - m*(m+1)/2
	if len(a)+len(b) <= exactUpTo {
		return u, exactRankTest(groups, len(b), sum)
	}
	total, ties := n+m, 0.0
	for _, g := range groups {
		t := float64(g.size)
		ties += t*t*t - t
	}
	variance := n * m / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return u, 1 // all values are the same
	}
	z := max(0, math.Abs(u-n*m/2)-0.5) / math.Sqrt(variance)
	return u, min(1, math.Erfc(z/math.Sqrt2))
}

// tied is a group of equal values: how many, and twice the rank that they share,
// which is a whole number.
type tied struct{ size, twiceRank int }

// ranks ranks both samples together; sum is twice the rank sum of b.
func ranks(a, b []float64) (groups []tied, sum int) {
	type value struct {
		v   float64
		ofB bool
	}
	all := make([]value, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, value{v, false})
	}
	for _, v := range b {
		all = append(all, value{v, true})
	}
	slices.SortFunc(all, func(x, y value) int { return cmp.Compare(x.v, y.v) })
	for i := 0; i < len(all); {
		j, ofB := i, 0
		for ; j < len(all) && all[j].v == all[i].v; j++ {
			if all[j].ofB {
				ofB++
			}
		}
		g := tied{size: j - i, twiceRank: i + 1 + j} // the mean of the ranks i+1 to j
		groups = append(groups, g)
		sum += ofB * g.twiceRank
		i = j
	}
	return groups, sum
}

// exactRankTest counts, over all ways to choose m of the ranked values, those
// with a rank sum so low and so high, and doubles the smaller share.
func exactRankTest(groups []tied, m, sum int) float64 {
	top, all := 0, 0
	for _, g := range groups {
		top += g.size * g.twiceRank
		all += g.size
	}
	// ways[k][s]: to choose k values with twice the rank sum s.
	ways := make([][]float64, m+1)
	for k := range ways {
		ways[k] = make([]float64, top+1)
	}
	ways[0][0] = 1
	for _, g := range groups {
		for k := m; k > 0; k-- { // downwards, so that a group is used once
			choices := 1.0
			for j := 1; j <= min(g.size, k); j++ {
				choices *= float64(g.size-j+1) / float64(j)
				shift := j * g.twiceRank
				for s := top; s >= shift; s-- {
					ways[k][s] += choices * ways[k-j][s-shift]
				}
			}
		}
	}
	low, high, total := 0.0, 0.0, 0.0
	for s, n := range ways[m] {
		total += n
		if s <= sum {
			low += n
		}
		if s >= sum {
			high += n
		}
	}
	return min(1, 2*min(low, high)/total)
}
