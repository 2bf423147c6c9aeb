package protocol

// StepKind names a step. The names hold, release, read, fill, sweep, resolve
// and connect are the Lua scripts' names.
type StepKind uint8

// Every step of the protocol, of the database and of the faults.
const (
	StepHold StepKind = iota
	StepHoldSkipped
	StepHoldLost
	StepHoldSentLate
	StepHoldLate
	StepSend
	StepBegin
	StepRefuse
	StepDeny
	StepLook
	StepCommit
	StepReply
	StepReplyRefused
	StepGiveUp
	StepRelease
	StepReleaseLost
	StepReleaseSentLate
	StepReleaseLate
	StepAcknowledge
	StepWriterCrash

	StepReadHit
	StepReadMiss
	StepReadRemake
	StepReadCreate
	StepReadHeld
	StepReadUnleased
	StepReadBlind
	StepReadCutOff
	StepGlance
	StepGlanceHit
	StepGlanceMiss
	StepJoin
	StepLoad
	StepFill
	StepFillRefused
	StepFillLost

	StepSweepRead
	StepSweep
	StepSweepSkips
	StepSweepRefused
	StepSweepDies
	StepLeaseLapses
	StepTwoSeconds

	StepResolveAsk
	StepResolveTombstone
	StepResolve

	StepLaterCommit
	StepEvictState
	StepEvictValue
	StepAge
	StepEvictShared
	StepLoseHold
	StepLoseMark
	StepHoldExpires
	StepPrune
	StepFlush
	StepBackup
	StepRollBack
	StepConnect
	stepKinds
)

// Step is one atomic step: one Lua script, one statement's moment, or a fault.
type Step struct {
	Kind StepKind
	// Who is the writer, the reader or the sweeper, from 0; of a resolver its write.
	Who int
	// With is the reader whose flight is joined.
	With int
	// Data is what a read answers, or the writes that a script told Redis of.
	Data writes
}

// move is a step and the state after it. broken are the promises that the step
// breaks.
type move struct {
	Step
	to     State
	broken Property
}

// moves is every step that is possible in s, in a fixed order.
func (m *Model) moves(s *State, out []move) []move {
	b := &batch{model: m, from: s, out: out[:0]}
	for i := range m.Writers {
		b.writer(i)
		b.database(i)
		b.resolver(i)
	}
	for i := range m.Readers {
		if m.plain || !s.sameAsEarlier(i) {
			b.reader(i)
		}
	}
	for i := range m.Sweepers {
		b.sweeper(i)
	}
	b.lease()
	b.faults()
	return b.out
}

// sameAsEarlier: a reader before this one is in the same place, and whatever
// this one could do, that one can.
func (s *State) sameAsEarlier(i int) bool {
	for j := range i {
		if s.reader[j] == s.reader[i] {
			return true
		}
	}
	return false
}

// batch collects the moves from one state.
type batch struct {
	model *Model
	from  *State
	out   []move
}

// try appends a move and returns its state for changing.
func (b *batch) try(step Step) *State {
	b.out = append(b.out, move{Step: step, to: *b.from})
	return &b.out[len(b.out)-1].to
}

// reachable: a script can run. After a restart the first thing on any
// connection is the script connect, and nothing runs before it.
func (b *batch) reachable() bool { return !b.from.restarted }
