package bench

import (
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// invalidPair begins the reason why a pair of slices says nothing of the servers.
const invalidPair = "invalid: "

func isInvalid(why string) bool { return strings.Contains(why, invalidPair) }

// judge gives the verdict of a comparison. What was found before the end, a
// regression or more failures all along, stands; nothing else does.
func (c *Comparison) judge(stopped string, targetBroke bool) (Verdict, []string) {
	why := []string{}
	if stopped != "" {
		why = append(why, stopped)
	}
	invalid := 0
	for _, d := range c.Dropped {
		if isInvalid(d) {
			invalid++
		}
	}
	switch {
	case c.Finding == stats.Regression:
		return Fail, append(append(why, c.String()), c.unseen()...)
	case targetBroke:
		return Fail, append(why, "the baseline answered the same requests")
	case c.Failed.Higher && c.Failed.Lasting:
		return Fail, append(why, c.unseen()...)
	case c.Finding == stats.TooFew && invalid > c.Slices:
		return Invalid, append(why, c.Dropped...)
	case c.Finding == stats.TooFew:
		return Inconclusive, slices.Concat(why, []string{c.String()}, c.unseen(), c.Dropped)
	case stopped != "", c.Failed.Higher, c.Apart.Higher:
		return Inconclusive, append(append(why, c.String()), c.unseen()...)
	}
	return Pass, why
}
