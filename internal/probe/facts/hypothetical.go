package facts

import (
	"fmt"
)

// Promise is what HypoPG says of an index that is not there: the planner's cost of a hot statement without
// it and with it.
type Promise struct {
	Who           string
	Before, After float64
}

func (p Promise) String() string {
	return fmt.Sprintf(" (with it, the planner's cost estimate for %s would fall to %.0f%%, according to HypoPG)", p.Who, 100*p.After/max(p.Before, 1))
}
