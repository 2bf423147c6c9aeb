package check

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

func narrowBand(o *facts.Observation) Outcome {
	t := o.Ways.Transfers
	if len(t.List) == 0 {
		return notKnown("No test results were transferred: %s.", cmp.Or(t.Failed, "there was no time"))
	}
	large := t.List[len(t.List)-1]
	mbit := large.Mbit(0)
	if !large.Narrow() {
		return passed("A result of %d kB arrives within %.1f ms on a hot connection.", large.KB, large.HotMS)
	}
	return found(hit{
		Evidence: fmt.Sprintf("On a hot connection, a result of %d kB takes %.0f ms from first to last byte: %.1f Mbit/s. The release gate's board load needs %.1f Mbit/s.", large.KB, large.HotMS, mbit, facts.LeastMbit),
		CostMS:   facts.KBToMbitOfMS * facts.BoardKB / mbit,
	})
}

func slowStart(o *facts.Observation) Outcome {
	t := o.Ways.Transfers
	switch {
	case len(t.List) == 0:
		return notKnown("No test results were transferred: %s.", cmp.Or(t.Failed, "there was no time"))
	case o.Pooler.Floor < facts.LeastFloor:
		return passed("A round trip takes only %.1f ms, so an extra one after idle is negligible.", o.Pooler.Endpoint.FloorMS)
	case t.Rested != "":
		return notKnown("No result was transferred after an idle period: %s.", t.Rested)
	case t.List[len(t.List)-1].HotMS > o.Pooler.Endpoint.FloorMS/2:
		return notKnown("Even a hot connection needs %.0f ms for %d kB, which hides extra round trips.", t.List[len(t.List)-1].HotMS, facts.LargeKB)
	}
	var extra []string
	for _, one := range t.List {
		if one.ExtraTurns > 0 {
			extra = append(extra, fmt.Sprintf("%d kB take %s more", one.KB, facts.Plural(one.ExtraTurns, "round trip", "round trips")))
		}
	}
	if len(extra) == 0 {
		return passed("After %.1f s idle, results of %d, %d and %d kB are as fast as on a hot connection: the congestion window is kept.", t.Idled.Seconds(), facts.SmallKB, facts.MediumKB, facts.LargeKB)
	}
	return found(hit{Evidence: fmt.Sprintf("After %.1f s idle, %s (%.0f ms each) than on a hot connection: the server resets its congestion window.", t.Idled.Seconds(), strings.Join(extra, ", "), o.Pooler.Endpoint.FloorMS)})
}
