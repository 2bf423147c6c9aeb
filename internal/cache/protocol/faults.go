package protocol

// Fault is a set of things that may go wrong, each any number of times and at
// any moment. A pause of any length needs no fault: whoever is paused is
// someone whose next step comes late, and every order of steps is explored.
type Fault uint32

const (
	// WriterCrashes at any moment.
	WriterCrashes Fault = 1 << iota
	// WriterGivesUp waiting for its statement: the outcome is unknown, and the
	// statement may still be in a pooler's queue and commit later.
	WriterGivesUp
	// HoldUndelivered lets a hold never reach Redis; the writer goes on.
	HoldUndelivered
	// HoldDelayed lets a hold run after the writer stopped waiting for it.
	HoldDelayed
	// ReleaseUndelivered lets a release never reach Redis.
	ReleaseUndelivered
	// ReleaseDelayed lets a release run after the writer stopped waiting for it.
	ReleaseDelayed
	// ReaderCutOff lets a read or its fill never reach Redis.
	ReaderCutOff
	// StateEvicted takes a state key, and with it its version and holds.
	StateEvicted
	// ValueEvicted takes a copy.
	ValueEvicted
	// SharedEvicted takes the key with the cursor, the write clock and the lease.
	SharedEvicted
	// HoldLost takes the holds and leaves the version, as if they were two keys.
	HoldLost
	// Flushed takes all that Redis has; a restart without persistence does.
	Flushed
	// RolledBack gives Redis the memory of an earlier moment.
	RolledBack
	// LaterCommit lets a transaction with a later number and a later id commit
	// before a running statement does.
	LaterCommit
	// MarkLost takes a mark: it expires, or is evicted.
	MarkLost
	// Denied lets the database roll a statement back and say so.
	Denied

	// WriterCutOff is a pod that Redis can't be reached from and that writes
	// on. To the cache, SQL from outside is the same.
	WriterCutOff = HoldUndelivered | ReleaseUndelivered
)

// faults is what may go wrong besides writers and readers, who carry theirs.
func (b *batch) faults() {
	m, mem := b.model, &b.from.redis
	if m.fault(LaterCommit) && !b.from.later && b.running() {
		b.try(Step{Kind: StepLaterCommit}).later = true
	}
	if m.breaks(HoldExpires) && mem.holds != 0 {
		b.try(Step{Kind: StepHoldExpires}).redis.holds = 0
	}
	if m.fault(HoldLost) && mem.holds != 0 {
		b.try(Step{Kind: StepLoseHold}).redis.holds = 0
	}
	if m.fault(StateEvicted) && mem.version != missing {
		s := b.try(Step{Kind: StepEvictState})
		s.redis.version, s.redis.holds = missing, 0
	}
	if m.fault(ValueEvicted) && mem.value.version != missing {
		b.try(Step{Kind: StepEvictValue}).redis.value = value{}
	}
	if m.Ages && mem.value.version != missing && !mem.value.aged {
		b.try(Step{Kind: StepAge}).redis.value.aged = true
	}
	if rest := mem.withoutShared(); m.fault(SharedEvicted) && *mem != rest {
		s := b.try(Step{Kind: StepEvictShared})
		s.redis = rest
		b.keepOutside(s)
	}
	for i := range m.Writers {
		if m.fault(MarkLost) && mem.marks&write(i) != 0 {
			b.try(Step{Kind: StepLoseMark, Who: i}).redis.marks &^= write(i)
		}
	}
	if m.fault(Flushed) && !b.from.restarted {
		b.replace(StepFlush, memory{})
	}
	b.rollBack()
}

// withoutShared is what an eviction of the shared key leaves.
func (m *memory) withoutShared() memory {
	return memory{version: m.version, holds: m.holds, value: m.value, marks: m.marks}
}

func (b *batch) running() bool {
	for i := range b.from.writer {
		if b.from.writer[i].stmt == running {
			return true
		}
	}
	return false
}

// replace puts another memory in the place of what Redis kept.
func (b *batch) replace(kind StepKind, with memory) *State {
	s := b.try(Step{Kind: kind})
	s.redis = with
	if b.model.InPod {
		s.redis.value = b.from.redis.value
	}
	b.keepOutside(s)
	return s
}

// keepOutside: what lives in a pod does not share Redis' fate.
func (b *batch) keepOutside(s *State) {
	if b.model.breaks(CursorInPod) {
		s.redis.cursor = b.from.redis.cursor
	}
	if b.model.breaks(MarkInPod) {
		s.redis.marks = b.from.redis.marks
	}
}

func (b *batch) rollBack() {
	m := b.model
	if !m.fault(RolledBack) {
		return
	}
	if !b.from.backupTaken {
		s := b.try(Step{Kind: StepBackup})
		s.backup, s.backupTaken = s.redis, true
		if m.InPod {
			s.backup.value = value{}
		}
		return
	}
	if b.from.restarted {
		// The script connect is the first on every connection. It finds
		// another run_id than the one kept beside the cursor: every version is
		// made fresh, and cursor and lease go.
		s := b.try(Step{Kind: StepConnect})
		m.renew(s)
		s.redis.cursor, s.redis.lease = 0, lease{}
		b.keepOutside(s)
		s.restarted = false
		return
	}
	s := b.replace(StepRollBack, b.from.backup)
	switch {
	case m.breaks(RunIDIgnored):
		// P2 begins anew with the fault, in sweeps; in seconds it does not.
		if !m.promises(InTime) {
			s.due = 0
		}
	default:
		s.restarted = true
		for i := range s.reader {
			if s.reader[i].at == glanced { // on a connection that is gone
				s.reader[i] = reader{}
			}
		}
	}
	if s.due&^s.redis.lease.saw != 0 {
		s.redis.lease = lease{}
	}
}
