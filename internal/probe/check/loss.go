package check

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// The share of segments lost that is a bad day on a transatlantic path (link.DefaultLossRate), and how
// many it takes to be more than chance.
const (
	lossShare = 0.01
	lossMin   = 3
)

func resent(o *facts.Observation) string {
	if n := o.Ways.Segments; n != nil {
		return fmt.Sprintf(" TCP retransmitted %d of %d segments.", n.Again, n.Sent)
	}
	return ""
}

// packetsLost reads the kernel's counts of this side. What this side had to send again was lost on the way
// there. On the way back the other side sends again, and is not asked: what was lost shows here only as
// segments that come out of order, where more than one was on the way.
func packetsLost(o *facts.Observation) Outcome {
	n := o.Ways.Segments
	if n == nil {
		return notKnown("The kernel's count of retransmissions can't be read here.")
	}
	there, back := lossOf(n.Again, n.Sent), lossOf(n.Disordered, n.Received)
	if there == 0 && back == 0 {
		return passed("TCP retransmitted %d of %d segments, and %d of the %d received segments arrived out of order. A lost response of a single segment is in neither count; it shows up as a stall (HD-N05).",
			n.Again, n.Sent, n.Disordered, n.Received)
	}
	cost := (there + back) * (facts.MS(stallLeast) + o.Pooler.Endpoint.FloorMS)
	var says []string
	if there > 0 {
		says = append(says, fmt.Sprintf("TCP retransmitted %d of %d segments (%.0f%%) that were lost on the way to the server; each costs %d ms or more.", n.Again, n.Sent, 100*there, stallLeast.Milliseconds()))
	}
	if back > 0 {
		says = append(says, fmt.Sprintf("%d of the %d received segments arrived out of order (%.0f%%): earlier ones were lost on the way back, or reordered.", n.Disordered, n.Received, 100*back))
	}
	if samples, count, extra, _ := stalled(o); count >= stallsMin {
		cost = max(cost, extra*float64(count)/float64(samples))
		says = append(says, fmt.Sprintf("%d of %d empty queries stalled for %.0f ms.", count, samples, extra))
	}
	return found(hit{
		Evidence: strings.Join(says, " "), CostMS: cost,
		Remedy: sentAgain + trace(o.Pooler.Endpoint.Address) + "   # which hop drops them?",
	})
}

// lossOf is the share of segments that a count of lost ones makes, 0 where it may be chance.
func lossOf(lost, all int64) float64 {
	share := float64(lost) / float64(max(all, 1))
	if lost < lossMin || share < lossShare {
		return 0
	}
	return share
}
