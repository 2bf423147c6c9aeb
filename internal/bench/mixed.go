package bench

import "time"

const (
	// PhaseMixed is the app as it is: most users are known, some come for the first time in an hour.
	PhaseMixed = "mixed"
	// Mixed takes samples of every state into its figures, and each has to state its own.
	Mixed State = "mixed"
	// TargetMixed decides the verdict of the mixed phase (the aim for the board as a whole was 150 to 300 ms).
	TargetMixed = 300 * time.Millisecond
	// mixedEvery: one request of so many is a new user's. So the p99 lies among these, five in a hundred.
	mixedEvery = 20
	// mixedCold is the share of the new users' requests that have to prove cold.
	mixedCold = 0.9
)

// ofNewUser reports whether request seq of a mixed phase is a new user's.
func ofNewUser(seq uint64) bool { return seq%mixedEvery == mixedEvery/2 }

// newUsers is how many of a schedule's requests are of new users.
func newUsers(s Schedule) int { return (s.Requests() + mixedEvery/2) / mixedEvery }

// mixed gives each request a route of the mix; one of mixedEvery a user of its
// own of the fresh ones, and the others the known ones again and again.
func (m Mix) mixed(known, fresh []User) Shots {
	shared, own := m.shared(known), m.once(fresh)
	return func(seq uint64) Shot {
		if ofNewUser(seq) {
			return own(seq / mixedEvery)
		}
		return shared(seq)
	}
}

// mixedGoals is the project's own target of the app's mix.
func mixedGoals(rtt time.Duration) []goal {
	if rtt == 0 {
		return nil
	}
	return []goal{quantileGoal("p99 <= R + 50 ms", 0.99, rtt+50*time.Millisecond)}
}
