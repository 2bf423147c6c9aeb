package facts

import (
	"time"
)

// The sizes of results that are tried, in kB: one that fits into any window, one that the window of a new
// connection takes two flights for, and one that it takes four for (docs/decisions/0014).
const (
	SmallKB  = 1
	MediumKB = 30
	LargeKB  = 100
)

// LeastFloor is the shortest round trip at which extra ones can be told from the noise of a busy machine.
const LeastFloor = 10 * time.Millisecond

// Transfers are results of several sizes through the app's endpoint.
type Transfers struct {
	List   []Transfer
	Failed string // why there are none
	Rested string // why none was tried after idleness; empty if it was
	Idled  time.Duration
	// RestsSince is when the connections carried something last.
	RestsSince time.Time
}
