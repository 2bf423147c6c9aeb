package probe

import (
	"fmt"
	"strings"
)

// A board of 200 tasks is 20.6 kB from the database (docs/benchmarks.md), taken as 24 to leave room; the release
// gate asks for 50 a second (S15): below this band the replies alone would not get through.
const (
	boardKB      = 24
	leastMbit    = boardKB * 8 * 50 / 1000.0
	kbToMbitOfMS = 1024 * 8 / 1000.0 // kB in a ms, as Mbit in a s
)

// mbit is the band of a result on a hot connection, in Mbit/s, had it taken lessMS less.
func (t Transfer) mbit(lessMS float64) float64 {
	return kbToMbitOfMS * float64(t.KB) / max(t.HotMS-lessMS, 0.001)
}

// narrow reports whether the band is below the one that the gate's load needs.
func (t Transfer) narrow() bool { return t.mbit(0) < leastMbit }

func narrowBand(o *observation) outcome {
	t := o.ways.transfers
	if len(t.list) == 0 {
		return notKnown("No test results were transferred: %s.", orElse(t.failed, "there was no time"))
	}
	large := t.list[len(t.list)-1]
	mbit := large.mbit(0)
	if !large.narrow() {
		return passed("A result of %d kB arrives within %.1f ms on a hot connection.", large.KB, large.HotMS)
	}
	return found(hit{
		evidence: fmt.Sprintf("On a hot connection, a result of %d kB takes %.0f ms from first to last byte: %.1f Mbit/s. The release gate's board load needs %.1f Mbit/s.", large.KB, large.HotMS, mbit, leastMbit),
		costMS:   kbToMbitOfMS * boardKB / mbit,
	})
}

func slowStart(o *observation) outcome {
	t := o.ways.transfers
	switch {
	case len(t.list) == 0:
		return notKnown("No test results were transferred: %s.", orElse(t.failed, "there was no time"))
	case o.pooler.floor < leastFloor:
		return passed("A round trip takes only %.1f ms, so an extra one after idle is negligible.", o.pooler.endpoint.FloorMS)
	case t.rested != "":
		return notKnown("No result was transferred after an idle period: %s.", t.rested)
	case t.list[len(t.list)-1].HotMS > o.pooler.endpoint.FloorMS/2:
		return notKnown("Even a hot connection needs %.0f ms for %d kB, which hides extra round trips.", t.list[len(t.list)-1].HotMS, largeKB)
	}
	var extra []string
	for _, one := range t.list {
		if one.ExtraTurns > 0 {
			extra = append(extra, fmt.Sprintf("%d kB take %s more", one.KB, plural(one.ExtraTurns, "round trip", "round trips")))
		}
	}
	if len(extra) == 0 {
		return passed("After %.1f s idle, results of %d, %d and %d kB are as fast as on a hot connection: the congestion window is kept.", t.idled.Seconds(), smallKB, mediumKB, largeKB)
	}
	return found(hit{evidence: fmt.Sprintf("After %.1f s idle, %s (%.0f ms each) than on a hot connection: the server resets its congestion window.", t.idled.Seconds(), strings.Join(extra, ", "), o.pooler.endpoint.FloorMS)})
}
