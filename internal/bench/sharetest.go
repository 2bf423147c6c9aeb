package bench

import (
	"fmt"
	"math"
)

const (
	// shareRisk is the chance at which two equal servers show so different shares,
	// one-sided. There are two shares beside the p99s, whose own test alarms in 2 of
	// 100 pairs of equal servers: together they stay within risk.
	shareRisk = risk / 4
	// minShare is the least difference of two shares that is called one: a fifth of
	// what a p99 allows. One request of 500 is no more.
	minShare = 0.002
)

// tallied is how many of the requests of one slice, or of all of them, failed,
// or were of another cache state than the phase's.
type tallied struct{ requests, failed, apart int }

// Shares are how many of the requests of two servers were something that no p99
// shows, and whether those of the target were more.
type Shares struct {
	Baseline int     `json:"baseline"`
	Target   int     `json:"target"`
	Of       [2]int  `json:"of"`     // requests: of the baseline, of the target
	P        float64 `json:"p"`      // Fisher, one-sided: of so many of the target's if there were no difference
	Higher   bool    `json:"higher"` // the target's share is higher
	// Lasting: the slices say so one by one, too (Mann-Whitney on their shares), and
	// it was not one event.
	Lasting bool `json:"lasting"`
}

// decideShares compares what of counts in the slices of a baseline and a target,
// in pairs that ran next to each other.
func decideShares(baseline, target []tallied, of func(tallied) int) Shares {
	var s Shares
	var shares [2][]float64
	sum := func(side int, slices []tallied) (n int) {
		for _, one := range slices {
			n += of(one)
			s.Of[side] += one.requests
			shares[side] = append(shares[side], share(of(one), one.requests))
		}
		return n
	}
	s.Baseline, s.Target = sum(0, baseline), sum(1, target)
	s.P = fisher(s.Baseline, s.Of[0], s.Target, s.Of[1])
	s.Higher = s.P < shareRisk && share(s.Target, s.Of[1])-share(s.Baseline, s.Of[0]) >= minShare
	if _, p := MannWhitney(shares[0], shares[1]); s.Higher {
		s.Lasting = p < risk
	}
	return s
}

// says is the finding in words.
func (s Shares) says(what string) string {
	text := fmt.Sprintf("more of the target's requests %s: %d of %d, of the baseline's %d of %d (p = %s, Fisher)",
		what, s.Target, s.Of[1], s.Baseline, s.Of[0], chance(s.P))
	if !s.Lasting {
		text += "; they came in few slices, and a longer run says better how often that happens"
	}
	return text
}

// shares compares what no p99 shows, slice by slice.
func (c *Comparison) shares(baseline, target []tallied) {
	c.Failed = decideShares(baseline, target, func(s tallied) int { return s.failed })
	c.Apart = decideShares(baseline, target, func(s tallied) int { return s.apart })
}

// unseen says what of the target is worse and shows in no p99, one sentence each.
func (c *Comparison) unseen() (why []string) {
	if c.Failed.Higher {
		why = append(why, c.Failed.says("failed"))
	}
	if c.Apart.Higher {
		why = append(why, c.Apart.says("missed a cache, and are in no p99"))
	}
	return why
}

// fisher is the one-sided exact test of Fisher (1935): the chance that of all
// that were found in both samples so many or more are of b, if each request of
// either is as likely to be one.
func fisher(foundA, ofA, foundB, ofB int) float64 {
	found, all := foundA+foundB, ofA+ofB
	p := 0.0
	for k := foundB; k <= min(found, ofB); k++ {
		if found-k <= ofA {
			p += math.Exp(logChoose(ofB, k) + logChoose(ofA, found-k) - logChoose(all, found))
		}
	}
	return min(1, p)
}

// logChoose is the logarithm of n over k.
func logChoose(n, k int) float64 {
	gamma := func(v int) float64 {
		out, _ := math.Lgamma(float64(v) + 1)
		return out
	}
	return gamma(n) - gamma(k) - gamma(n-k)
}
