package stats

import (
	"fmt"
	"math"
)

// Share is part/of, and 0 of nothing.
func Share(part, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}

const (
	// shareRisk is the chance at which two equal servers show so different shares,
	// one-sided. There are two shares beside the p99s, whose own test alarms in 2 of
	// 100 pairs of equal servers: together they stay within risk.
	shareRisk = Risk / 4
	// minShare is the least difference of two shares that is called one: a fifth of
	// what a p99 allows. One request of 500 is no more.
	minShare = 0.002
)

// Tallied is how many of the requests of one slice, or of all of them, failed,
// or were of another cache state than the phase's.
type Tallied struct{ Requests, Failed, Apart int }

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

// DecideShares compares what of counts in the slices of a baseline and a target,
// in pairs that ran next to each other.
func DecideShares(baseline, target []Tallied, of func(Tallied) int) Shares {
	var s Shares
	var shares [2][]float64
	sum := func(side int, slices []Tallied) (n int) {
		for _, one := range slices {
			n += of(one)
			s.Of[side] += one.Requests
			shares[side] = append(shares[side], Share(of(one), one.Requests))
		}
		return n
	}
	s.Baseline, s.Target = sum(0, baseline), sum(1, target)
	s.P = fisher(s.Baseline, s.Of[0], s.Target, s.Of[1])
	s.Higher = s.P < shareRisk && Share(s.Target, s.Of[1])-Share(s.Baseline, s.Of[0]) >= minShare
	if _, p := MannWhitney(shares[0], shares[1]); s.Higher {
		s.Lasting = p < Risk
	}
	return s
}

// Says is the finding in words.
func (s Shares) Says(what string) string {
	text := fmt.Sprintf("more of the target's requests %s: %d of %d, of the baseline's %d of %d (p = %s, Fisher)",
		what, s.Target, s.Of[1], s.Baseline, s.Of[0], chance(s.P))
	if !s.Lasting {
		text += "; they came in few slices, and a longer run says better how often that happens"
	}
	return text
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
