package protocol

// inP1 are the faults during which P1 is promised: Redis is reachable for
// whoever writes until the hold stands, and keeps its states.
const inP1 = WriterCrashes | WriterGivesUp | ReleaseUndelivered | ReleaseDelayed |
	ReaderCutOff | ValueEvicted | SharedEvicted | LaterCommit

// anything but a roll-back, whose second memory has cases of its own.
const anything = inP1 | HoldUndelivered | HoldDelayed | StateEvicted | HoldLost | Flushed

// keeps is a case of the protocol as specified: what it promises must hold in
// every state, and what it does not promise must be broken in some state, or
// the fault has not bitten.
type keeps struct {
	name  string
	model Model
	// breaks is the promise that the fault breaks; 0 for none.
	breaks Property
	// needs is a kind of step that must have been taken.
	needs StepKind
}

func keepsCases() []keeps {
	one := func(faults Fault, promised Property) Model {
		return Model{Writers: 1, Readers: 3, Sweepers: 1, Faults: faults, Promised: promised}
	}
	with := func(m Model, change func(*Model)) Model {
		change(&m)
		return m
	}
	inPod := func(m *Model) { m.InPod = true }
	blind := func(m *Model) { m.Blind = true }
	return []keeps{
		// P1, and P2 with it.
		{"nothing fails; anyone pauses for any time, a hold is resolved meanwhile", one(0, P1|Swept), 0, StepResolve},
		{"the writer crashes, before or after the commit", one(WriterCrashes, P1|Swept), 0, StepWriterCrash},
		{"the writer gives up and the statement commits late, from the pooler's queue", one(WriterGivesUp, P1|Swept), 0, StepGiveUp},
		{"a later number commits first, an older transaction stays open", one(WriterGivesUp|LaterCommit, P1|Swept), 0, StepLaterCommit},
		{"the release never arrives", one(ReleaseUndelivered, P1|Swept), 0, StepReleaseLost},
		{"the release arrives late", one(ReleaseDelayed, P1|Swept), 0, StepReleaseLate},
		{"readers are cut off from Redis", one(ReaderCutOff, P1|Swept), 0, StepReadCutOff},
		{"the copy is evicted", one(ValueEvicted, P1|Swept), 0, StepEvictValue},
		{"cursor, clock and lease are evicted", one(SharedEvicted, P1|Swept), 0, StepEvictShared},
		{"all of these at once", one(inP1, P1|Swept), 0, StepReleaseLate},
		{"all of these, the copy in a pod or a client", with(one(inP1, P1|Swept), inPod), 0, StepReadHit},
		{"all of these, reads that do not know their states", with(one(inP1, P1|Swept), blind), 0, StepReadBlind},
		{"a paused sweeper finds another in its place", with(one(WriterCrashes|SharedEvicted, P1|Swept), func(m *Model) { m.Sweepers = 2 }), 0, StepSweepRefused},
		{"two writers, either crashes", with(one(WriterCrashes, P1|Swept), func(m *Model) { m.Writers, m.Readers = 2, 2 }), 0, StepWriterCrash},

		// P2. An acknowledged write is still never missed while its writer
		// reaches Redis after the commit.
		{"the state is evicted", one(StateEvicted, Acknowledged|Swept), Monotone, StepEvictState},
		{"the hold is lost", one(HoldLost, Acknowledged|Swept), Monotone, StepLoseHold},
		{"the hold never arrives", one(HoldUndelivered, Acknowledged|Swept), Monotone, StepHoldLost},
		{"the hold arrives late", one(HoldDelayed, Acknowledged|Swept), Monotone, StepHoldLate},
		{"Redis is flushed, or restarts empty", one(Flushed, Acknowledged|Swept), Monotone, StepFlush},
		{"Redis comes back with old memory", one(RolledBack, Acknowledged|Swept), Monotone, StepConnect},
		{"Redis comes back with old memory, the copy in a pod or a client", with(one(RolledBack, Acknowledged|Swept), inPod), Monotone, StepConnect},
		{"Redis comes back with old memory, reads that do not know their states", with(one(RolledBack, Acknowledged|Swept), func(m *Model) { m.Blind, m.Readers = true, 2 }), Monotone, StepReadBlind},
		{"a pod that is cut off writes, or SQL from outside does", one(WriterCutOff, Swept), Acknowledged, StepHoldLost},
		{"old memory, and the writer is cut off or crashes", with(one(RolledBack|WriterCutOff|WriterCrashes, Swept), func(m *Model) { m.Readers = 2 }), Acknowledged, StepConnect},
		{"anything at once", one(anything, Swept), Acknowledged, StepHoldLate},
		{"anything at once, the copy in a pod or a client", with(one(anything, Swept), inPod), Acknowledged, StepFlush},
		{"anything at once, reads that do not know their states", with(one(anything, Swept), func(m *Model) { m.Blind, m.Readers = true, 2 }), Acknowledged, StepReadBlind},
		{"two writers, cut off, and the state is evicted", with(one(WriterCutOff|StateEvicted, Swept), func(m *Model) { m.Writers, m.Readers = 2, 2 }), Acknowledged, StepEvictState},

		// P2 in seconds, by the lease: sweeps may stop.
		{"a pod that is cut off writes while no sweep runs", one(WriterCutOff, InTime), Monotone, StepTwoSeconds},
		{"old memory, and a pod that is cut off writes while no sweep runs", with(one(RolledBack|WriterCutOff, InTime), func(m *Model) { m.Readers = 2 }), Acknowledged, StepConnect},
		{"anything at once while no sweep runs", with(one(anything, InTime), func(m *Model) { m.Readers = 2 }), Acknowledged, StepLeaseLapses},
	}
}

// fails is a case of a protocol that is broken on purpose.
type fails struct {
	name  string
	model Model
	want  Property
}

func failsCases() []fails {
	shared := func(broken Broken, faults Fault, promised Property) Model {
		return Model{Writers: 1, Readers: 3, Sweepers: 1, Broken: broken, Faults: faults, Promised: promised}
	}
	// Each read is a flight of its own, so that a case shows its own step and
	// not what a shared flight makes of it.
	one := func(broken Broken, faults Fault, promised Property) Model {
		m := shared(broken, faults, promised)
		m.Unshared = true
		return m
	}
	two := one(HoldIsFlag, 0, Monotone)
	two.Writers, two.Readers = 2, 2
	pod := one(ServeUnchecked, 0, Acknowledged)
	pod.InPod = true
	blind := one(BlindUnchecked, 0, Acknowledged)
	blind.Blind = true
	clock := one(ResolveKeepsClock, 0, Monotone)
	clock.Blind = true
	return []fails{
		{"the hold is skipped", one(SkipHold, 0, Monotone), Monotone},
		{"one hold for all writes", two, Monotone},
		{"a hold expires by a clock", one(HoldExpires, 0, Monotone), Monotone},
		{"released before the commit", one(ReleaseEarly, 0, Acknowledged), Acknowledged},
		{"released although the outcome is unknown", one(ReleaseUnknown, WriterGivesUp, Monotone), Monotone},
		{"neither hold nor release sets a fresh version", one(HoldKeepsVersion|ReleaseKeepsVersion, 0, Acknowledged), Acknowledged},
		{"no fresh version on release, and the hold never arrived", one(ReleaseKeepsVersion, HoldUndelivered, Acknowledged), Acknowledged},
		{"a fresh version on release only if the hold is still there, and the state was evicted", one(ReleaseOnlyHeld, StateEvicted, Acknowledged), Acknowledged},

		{"a fill that compares no versions", one(FillUnchecked, 0, Acknowledged), Acknowledged},
		{"a fill while a hold is there, by a flight that others join", shared(FillHeld, 0, Monotone), Monotone},
		{"a fill while a hold is there, and no fresh version on release", one(FillHeld|ReleaseKeepsVersion, 0, Acknowledged), Acknowledged},
		{"holds are not looked at", one(IgnoreHolds, 0, Monotone), Monotone},
		{"missing compared with missing", one(CompareMissing, StateEvicted, Acknowledged), Acknowledged},
		{"versions that count from 1", one(CountedVersions, Flushed, Acknowledged), Acknowledged},
		{"a single flight not keyed by the version", shared(FlightUnkeyed, 0, Acknowledged), Acknowledged},
		{"a single flight of reads that go round", shared(BypassShares, 0, Monotone), Monotone},
		{"the user in memory not checked against the version", pod, Acknowledged},
		{"a blind fill that compares no clock", blind, Acknowledged},
		{"a resolver that leaves the clock", clock, Monotone},

		{"resolved without a tombstone", one(ResolveUnfenced, 0, Monotone), Monotone},
		{"the hold dropped before the tombstone is written", one(ResolveDropsFirst, 0, Monotone), Monotone},
		{"a tombstone pruned while its statement may run", one(TombstonePruned, 0, Monotone), Monotone},

		{"a cursor by sequence skips a late commit", one(SequenceCursor, WriterCutOff|LaterCommit, Swept), Swept},
		{"a missing cursor starts at now", one(CursorStartsNow, Flushed|WriterCrashes, Swept), Swept},
		{"writes that leave no row in the log", one(NotLogged, WriterCutOff, Swept), Swept},
		{"old memory goes unnoticed", one(RunIDIgnored, RolledBack, Acknowledged), Acknowledged},
		{"old memory goes unnoticed, and the cursor is kept outside of it", one(RunIDIgnored|CursorInPod, RolledBack, Swept), Swept},
		{"old memory goes unnoticed, and the sweep compares no cursor", one(RunIDIgnored|SweepUnguarded, RolledBack, Swept), Swept},

		{"served while the sweep sleeps", one(NoLease, WriterCutOff, InTime), InTime},
		{"the lease counted from the sweep's end", one(LeaseFromEnd, WriterCutOff, InTime), InTime},
		{"flights joined while the sweep sleeps", shared(UnleasedShares, WriterCutOff, InTime), InTime},
	}
}

// spare are parts that may be left out alone without breaking a promise that
// the case makes: each stands behind another. They stay in the protocol, as
// the second of two locks, and this says which is which.
func spareCases() []keeps {
	one := func(broken Broken, faults Fault, promised Property) Model {
		return Model{Writers: 1, Readers: 3, Sweepers: 1, Broken: broken, Faults: faults, Promised: promised}
	}
	heldAlone := one(FillHeld, inP1, P1|Swept)
	heldAlone.Unshared = true
	oldMemory := one(RunIDIgnored, RolledBack, Swept)
	return []keeps{
		{"no fresh version on hold: the release sets one", one(HoldKeepsVersion, inP1, P1|Swept), 0, StepHold},
		{"no fresh version on release: the hold set one", one(ReleaseKeepsVersion, inP1, P1|Swept), 0, StepRelease},
		{"a fill while a hold is there, by a flight of its own: the release makes it old", heldAlone, 0, StepFill},
		{"the run_id ignored: the cursor came back old too, the next sweep repairs", oldMemory, Acknowledged, StepRollBack},
		{"the sweep compares no cursor: connect made every version fresh", one(SweepUnguarded, RolledBack, Acknowledged|Swept), Monotone, StepConnect},
	}
}
