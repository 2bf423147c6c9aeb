package facts

import (
	"time"
)

// How often each route is asked, and how long all of that may take. The first answer warms what it can; the others
// are what is split. A server whose reads take a second each answers each of them twice in that time.
const (
	TargetRuns  = 5
	TargetShare = 6 * time.Second
)

// Settle splits the wall time, once the round trip between the server and its database is known.
func (r *TargetRead) Settle(floorMS float64) {
	if r.Turns == nil {
		return
	}
	db := r.TurnsMS + r.DBRestMS
	r.TurnsMS = Round(min(db, float64(*r.Turns)*floorMS))
	r.DBRestMS = Round(db - r.TurnsMS)
}
