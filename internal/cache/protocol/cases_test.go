package protocol

// inP1 are the faults during which P1 is promised: Redis is reachable for
// whoever writes until the hold stands, and keeps its states.
const inP1 = WriterCrashes | WriterGivesUp | ReleaseUndelivered | ReleaseDelayed |
	ReaderCutOff | ValueEvicted | SharedEvicted | LaterCommit | MarkLost | Denied

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

// place is where the copy is kept and what a read knows of its states.
type place struct {
	name string
	set  func(*Model)
}

func places() []place {
	return []place{
		{"", func(*Model) {}},
		{", the copy in a pod or a client", func(m *Model) { m.InPod = true }},
		{", reads that do not know their states", func(m *Model) { m.Blind = true }},
		{", the copy in a pod that glances", func(m *Model) { m.InPod, m.Glance, m.Readers = true, true, 2 }},
	}
}

// aloneCases are the faults one by one, with a writer and three readers: P1
// where it is promised, elsewhere what is left of it and P2's bound.
func aloneCases() []keeps {
	var cases []keeps
	for _, f := range []struct {
		name     string
		faults   Fault
		promised Property
		breaks   Property
		needs    StepKind
	}{
		{"nothing fails; anyone pauses for any time, a hold is resolved meanwhile", 0, P1, 0, StepResolve},
		{"the writer crashes, before or after the commit", WriterCrashes, P1, 0, StepWriterCrash},
		{"the writer gives up and the statement commits late, from the pooler's queue", WriterGivesUp, P1, 0, StepGiveUp},
		{"the database rolls the write back", Denied, P1, 0, StepDeny},
		{"a later number and a later transaction commit first", LaterCommit, P1, 0, StepLaterCommit},
		{"the release never arrives", ReleaseUndelivered, P1, 0, StepReleaseLost},
		{"the release arrives late", ReleaseDelayed, P1, 0, StepReleaseLate},
		{"a pod that is cut off reads", ReaderCutOff, P1, 0, StepReadCutOff},
		{"the copy is evicted", ValueEvicted, P1, 0, StepEvictValue},
		{"cursor, clock and lease are evicted", SharedEvicted, P1, 0, StepEvictShared},
		{"the mark expires, or is evicted", MarkLost, P1, 0, StepLoseMark},

		// An acknowledged write is still never missed while its writer reaches
		// Redis after the commit.
		{"the state is evicted", StateEvicted, Acknowledged, Monotone, StepEvictState},
		{"the hold is lost", HoldLost, Acknowledged, Monotone, StepLoseHold},
		{"the hold never arrives", HoldUndelivered, Acknowledged, Monotone, StepHoldLost},
		{"the hold arrives late", HoldDelayed, Acknowledged, Monotone, StepHoldLate},
		{"Redis is flushed, or restarts empty", Flushed, Acknowledged, Monotone, StepFlush},
		{"Redis comes back with old memory", RolledBack, Acknowledged, Monotone, StepConnect},
		{"a pod that is cut off writes, or SQL from outside does", WriterCutOff, 0, Acknowledged, StepHoldLost},
	} {
		for _, p := range places() {
			m := Model{Writers: 1, Readers: 3, Sweepers: 1, Faults: f.faults, Promised: f.promised | Swept}
			p.set(&m)
			if m.InPod && f.faults == ValueEvicted {
				continue // Redis has no copy
			}
			cases = append(cases, keeps{f.name + p.name, m, f.breaks, f.needs})
		}
		// P2 in seconds, by the lease: sweeps may stop.
		m := Model{Writers: 1, Readers: 3, Sweepers: 1, Faults: f.faults, Promised: f.promised | InTime}
		cases = append(cases, keeps{f.name + ", and sweeps may stop", m, f.breaks, f.needs})
	}
	return cases
}

// keepsCases are faults together.
func keepsCases() []keeps {
	one := func(faults Fault, promised Property) Model {
		return Model{Writers: 1, Readers: 3, Sweepers: 1, Faults: faults, Promised: promised}
	}
	with := func(m Model, change ...func(*Model)) Model {
		for _, c := range change {
			c(&m)
		}
		return m
	}
	inPod := func(m *Model) { m.InPod = true }
	blind := func(m *Model) { m.Blind = true }
	glance := func(m *Model) { m.Glance = true }
	refresh := func(m *Model) { m.Refresh = true }
	ages := func(m *Model) { m.Ages = true }
	two := func(m *Model) { m.Readers = 2 }
	writers := func(m *Model) { m.Writers, m.Readers = 2, 2 }
	sweepers := func(m *Model) { m.Sweepers = 2 }
	const late = HoldDelayed | ReleaseDelayed | MarkLost
	return []keeps{
		{"all faults of P1 at once", one(inP1, P1|Swept), 0, StepSweepSkips},
		{"all faults of P1, the copy in a pod or a client", with(one(inP1, P1|Swept), inPod), 0, StepReadHit},
		{"all faults of P1, reads that do not know their states", with(one(inP1, P1|Swept), blind), 0, StepReadBlind},
		{"all faults of P1, the copy in a pod or a client, reads that do not know their states", with(one(inP1, P1|Swept), blind, inPod, two), 0, StepReadBlind},
		{"a paused sweeper finds another in its place", with(one(WriterCrashes|SharedEvicted, P1|Swept), sweepers), 0, StepSweepRefused},
		{"a paused sweeper finds another in its place, and holds and releases come late", with(one(SharedEvicted|late, Swept), sweepers, two), Acknowledged, StepSweepRefused},
		{"two writers, either crashes", with(one(WriterCrashes, P1|Swept), writers), 0, StepWriterCrash},

		{"hold and release arrive late", one(late, Swept), Acknowledged, StepSweepSkips},
		{"hold and release arrive late, and the writer gives up or crashes", one(late|WriterGivesUp|WriterCrashes, Swept), Acknowledged, StepHoldLate},
		{"old memory, and hold and release arrive late", with(one(RolledBack|late, Swept), two), Acknowledged, StepConnect},
		{"old memory, and hold and release arrive late, the copy in a pod or a client", with(one(RolledBack|late, Swept), inPod, two), Acknowledged, StepConnect},
		{"old memory, and hold and release arrive late, reads that do not know their states", with(one(RolledBack|late, Swept), blind, two), Acknowledged, StepConnect},
		{"old memory, and the writer is cut off or crashes", with(one(RolledBack|WriterCutOff|WriterCrashes, Swept), two), Acknowledged, StepConnect},
		{"anything at once", one(anything, Swept), Acknowledged, StepHoldLate},
		{"anything at once, the copy in a pod or a client", with(one(anything, Swept), inPod), Acknowledged, StepFlush},
		{"anything at once, reads that do not know their states", with(one(anything, Swept), blind, two), Acknowledged, StepReadBlind},
		{"two writers, cut off, and the state is evicted", with(one(WriterCutOff|StateEvicted, Swept), writers), Acknowledged, StepEvictState},

		{"old memory, and a pod that is cut off writes while no sweep runs", with(one(RolledBack|WriterCutOff, InTime), two), Acknowledged, StepConnect},
		{"anything at once while no sweep runs", with(one(anything, InTime), two), Acknowledged, StepLeaseLapses},
		{"all faults of P1 at once, the copy in a pod that glances", with(one(inP1, P1|Swept), inPod, glance), 0, StepGlanceHit},
		{"anything at once while no sweep runs, the copy in a pod that glances", with(one(anything, InTime), inPod, glance, two), Acknowledged, StepGlanceHit},
		{"a pod that is cut off writes while no sweep runs, the copy in a pod that glances", with(one(WriterCutOff, InTime), inPod, glance), Acknowledged, StepGlanceHit},
		{"old memory while no sweep runs, the copy in a pod that glances", with(one(RolledBack|WriterCutOff, InTime), inPod, glance, two), Acknowledged, StepGlanceHit},
		{"a write fills the list, all faults of P1 at once", with(one(inP1, P1|Swept), refresh), 0, StepLook},
		{"a write fills the list, all faults of P1 at once, the copy in a pod that glances", with(one(inP1, P1|Swept), refresh, inPod, glance, two), 0, StepGlanceHit},
		{"two writes fill the list, either crashes or gives up", with(one(WriterCrashes|WriterGivesUp, P1|Swept), writers, refresh), 0, StepLook},
		{"a write fills the list, anything at once", with(one(anything, Swept), refresh, two), Acknowledged, StepLook},
		{"a write fills the list, anything at once while no sweep runs", with(one(anything, InTime), refresh, two), Acknowledged, StepLook},
		{"two writes fill the list, and either is rolled back", with(one(Denied, P1|Swept), writers, refresh), 0, StepDeny},
		{"a write fills the list, old memory, and hold and release arrive late", with(one(RolledBack|late, Swept), refresh, two), Acknowledged, StepConnect},
		{"the copy ages, all faults of P1 at once", with(one(inP1, P1|Swept), ages), 0, StepReadRemake},
		{"the copy ages, anything at once", with(one(anything, Swept), ages, two), Acknowledged, StepReadRemake},
		{"the copy ages, anything at once while no sweep runs", with(one(anything, InTime), ages, two), Acknowledged, StepReadRemake},
		{"the copy ages, old memory, and hold and release arrive late", with(one(RolledBack|late, Swept), ages, two), Acknowledged, StepReadRemake},
		{"the copy ages, two writes fill the list, either crashes", with(one(WriterCrashes, P1|Swept), writers, refresh, ages, func(m *Model) { m.Readers = 1 }), 0, StepReadRemake},
		{"two writers, either crashes, the copy in a pod that glances", with(one(WriterCrashes, P1|Swept), writers, inPod, glance), 0, StepGlanceHit},
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
	unchecked := one(RefreshUnchecked, 0, Acknowledged)
	unchecked.Writers, unchecked.Readers, unchecked.Refresh = 2, 2, true
	before := one(RefreshBefore, 0, Acknowledged)
	before.Refresh = true
	remade := one(RemakeUnchecked, 0, Acknowledged)
	remade.Ages = true
	pod := one(ServeUnchecked, 0, Acknowledged)
	pod.InPod = true
	blind := one(BlindUnchecked, 0, Acknowledged)
	blind.Blind = true
	clock := one(ResolveKeepsClock, 0, Monotone)
	clock.Blind = true
	etag := blind
	etag.InPod = true
	backwards := one(GlanceBackwards, WriterCutOff, InTime)
	backwards.InPod, backwards.Glance = true, true
	strangers := shared(BlindShares, 0, Acknowledged)
	strangers.Blind = true
	byClock := shared(BlindSharesByClock, 0, Monotone)
	byClock.Blind = true
	return append([]fails{
		{"the hold is skipped", one(SkipHold, 0, Monotone), Monotone},
		{"one hold for all writes", two, Monotone},
		{"a hold expires by a clock", one(HoldExpires, 0, Monotone), Monotone},
		{"released before the commit", one(ReleaseEarly, 0, Acknowledged), Acknowledged},
		{"released although the outcome is unknown", one(ReleaseUnknown, WriterGivesUp, Monotone), Monotone},
		{"an unknown outcome taken for a refusal", one(RefusalUnknown, WriterGivesUp, Monotone), Monotone},
		{"no fresh version on release", one(ReleaseKeepsVersion, 0, Acknowledged), Acknowledged},
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
		{"a write's list that compares no versions", unchecked, Acknowledged},
		{"a write's list that is read before its statement", before, Acknowledged},
		{"a list made of a copy that has aged, whatever its version", remade, Acknowledged},
		{"the user in memory not checked against the version", pod, Acknowledged},
		{"a blind fill that compares no clock", blind, Acknowledged},
		{"an ETag under versions that were read after the body", etag, Acknowledged},
		{"a glance that reads the version before the lease", backwards, InTime},
		{"a single flight of reads that do not know all their states", strangers, Acknowledged},
		{"a single flight of reads that do not know all their states, keyed by the clock", byClock, Monotone},
		{"a resolver that leaves the clock", clock, Monotone},

		{"resolved without a tombstone", one(ResolveUnfenced, 0, Monotone), Monotone},
		{"the hold dropped before the tombstone is written", one(ResolveDropsFirst, 0, Monotone), Monotone},
		{"a tombstone pruned while its statement may run", one(TombstonePruned, 0, Monotone), Monotone},

		{"a cursor by sequence skips a late commit", one(SequenceCursor, WriterCutOff|LaterCommit, Swept), Swept},
		{"a cursor by xmax skips a late commit", one(XmaxCursor, WriterCutOff|LaterCommit, Swept), Swept},
		{"a missing cursor starts at now", one(CursorStartsNow, Flushed|WriterCrashes, Swept), Swept},
		{"writes that leave no row in the log", one(NotLogged, WriterCutOff, Swept), Swept},
		{"old memory goes unnoticed", one(RunIDIgnored, RolledBack, Acknowledged), Acknowledged},
		{"old memory goes unnoticed, and the cursor is kept outside of it", one(RunIDIgnored|CursorInPod, RolledBack, Swept), Swept},
		{"old memory goes unnoticed, and the sweep compares no cursor", one(RunIDIgnored|SweepUnguarded, RolledBack, Swept), Swept},

		{"served while the sweep sleeps", one(NoLease, WriterCutOff, InTime), InTime},
		{"the lease counted from the sweep's end", one(LeaseFromEnd, WriterCutOff, InTime), InTime},
		{"flights joined while the sweep sleeps", shared(UnleasedShares, WriterCutOff, InTime), InTime},
	}, markCases()...)
}

// markCases are broken by the mark: what else is broken in them, the sweep
// makes up for if it tells every row.
func markCases() []fails {
	one := func(broken Broken, faults Fault) Model {
		return Model{Writers: 1, Readers: 3, Sweepers: 1, Broken: broken, Faults: faults, Promised: Swept, Unshared: true}
	}
	outlives := one(MarkInPod|RunIDIgnored, RolledBack)
	outlives.Readers = 2
	return []fails{
		{"the hold leaves the mark, and the state was evicted", one(MarkAtHold, StateEvicted|WriterCrashes), Swept},
		{"the hold leaves the mark, and the hold was lost", one(MarkAtHold, HoldLost|WriterCrashes), Swept},
		{"a mark before the commit", one(MarkUnknown|ReleaseEarly, 0), Swept},
		{"a mark although the outcome is unknown", one(MarkUnknown|ReleaseUnknown, WriterGivesUp), Swept},
		{"a mark by a resolver that wrote no tombstone", one(MarkUnknown|ResolveUnfenced, WriterCrashes), Swept},
		{"a mark by a resolver before the tombstone is written", one(MarkUnknown|ResolveDropsFirst, WriterCrashes), Swept},
		{"a mark, and no fresh version on release", one(ReleaseKeepsVersion, HoldUndelivered), Swept},
		{"a mark, and a fresh version on release only if the hold is still there", one(ReleaseOnlyHeld, StateEvicted), Swept},
		{"a mark for a row that names more states than were released", one(ReleaseElsewhere, 0), Swept},
		{"a mark that outlives the memory", outlives, Swept},
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
	in := func(m Model, p int) Model {
		places()[p].set(&m)
		return m
	}
	markInPod := one(MarkInPod, RolledBack, Acknowledged|Swept)
	markInPod.Readers = 2
	return []keeps{
		{"a fresh version on hold as well: the release sets one", one(HoldRenewsVersion, inP1, P1|Swept), 0, StepHold},
		{"a fresh version on hold and none on release", one(HoldRenewsVersion|ReleaseKeepsVersion, inP1, P1|Swept), 0, StepRelease},
		{"a fill while a hold is there, by a flight of its own: the release makes it old", heldAlone, 0, StepFill},
		{"the run_id ignored: the cursor came back old too, the next sweep repairs", oldMemory, Acknowledged, StepRollBack},
		{"the sweep compares no cursor: connect made every version fresh", one(SweepUnguarded, RolledBack, Acknowledged|Swept), Monotone, StepConnect},

		{"no marks: every row is told", one(Unmarked, inP1, P1|Swept), 0, StepSweep},
		{"a mark after a refusal: nothing was written", one(MarkUnknown, inP1, P1|Swept), 0, StepReplyRefused},
		{"a mark outside Redis: connect takes the cursor", markInPod, Monotone, StepConnect},
		{"the sweep leaves a marked row's late hold: the resolver drops it", one(MarkedKeepsHold, HoldDelayed, Acknowledged|Swept), Monotone, StepSweepSkips},
		{"no fresh version for a marked row's late hold: the hold set one", one(MarkedKeepsVersion, HoldDelayed, Acknowledged|Swept), Monotone, StepSweepSkips},
		{"the same, and anything at once", one(MarkedKeepsVersion, anything, Swept), Acknowledged, StepSweepSkips},
		{"the same, and anything at once, the copy in a pod or a client", in(one(MarkedKeepsVersion, anything, Swept), 1), Acknowledged, StepSweepSkips},
		{"the same, reads that do not know their states", in(one(MarkedKeepsVersion, HoldDelayed, Acknowledged|Swept), 2), Monotone, StepSweepSkips},
	}
}
