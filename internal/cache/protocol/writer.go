package protocol

// writer is what writer i may do next.
func (b *batch) writer(i int) {
	w := &b.from.writer[i]
	switch w.at {
	case writerHolds:
		b.writerHolds(i)
	case writerReleasesEarly:
		if b.reachable() {
			s := b.try(Step{Kind: StepRelease, Who: i})
			b.model.release(s, i)
			s.writer[i].at = writerSends
		}
	case writerSends:
		s := b.try(Step{Kind: StepSend, Who: i})
		s.writer[i].at = writerWaits
		s.writer[i].stmt = queued
	case writerWaits:
		b.writerWaits(i)
	case writerReleases, writerReleasesUnknown:
		b.writerReleases(i)
	case writerAcknowledges:
		s := b.try(Step{Kind: StepAcknowledge, Who: i})
		s.writer[i].at = writerEnded
		if b.model.promises(Acknowledged) {
			s.acked |= write(i)
		}
	case writerEnded:
	}
	if w.at != writerHolds && w.at != writerEnded && b.model.fault(WriterCrashes) {
		b.try(Step{Kind: StepWriterCrash, Who: i}).writer[i].at = writerEnded
	}
	b.lateScripts(i)
}

func (b *batch) writerHolds(i int) {
	m := b.model
	next := writerSends
	if m.breaks(ReleaseEarly) {
		next = writerReleasesEarly
	}
	if m.breaks(SkipHold) {
		b.try(Step{Kind: StepHoldSkipped, Who: i}).writer[i].at = next
		return
	}
	if b.reachable() {
		s := b.try(Step{Kind: StepHold, Who: i})
		m.hold(s, i)
		s.writer[i].at = next
		if m.Refresh && b.from.redis.holds == 0 {
			s.writer[i].refresh = refresh{token: s.redis.version}
		}
	}
	if m.fault(HoldUndelivered) {
		b.try(Step{Kind: StepHoldLost, Who: i}).writer[i].at = next
	}
	if m.fault(HoldDelayed) {
		s := b.try(Step{Kind: StepHoldSentLate, Who: i})
		s.writer[i].at = next
		s.writer[i].lateHold = true
	}
}

func (b *batch) writerWaits(i int) {
	m := b.model
	switch b.from.writer[i].stmt {
	case committed:
		s := b.try(Step{Kind: StepReply, Who: i})
		s.writer[i].at = writerReleases
		if m.breaks(ReleaseEarly) {
			s.writer[i].at = writerAcknowledges
		}
	case refused:
		// A refusal is an outcome: nothing was written, nothing will be.
		b.try(Step{Kind: StepReplyRefused, Who: i}).writer[i].at = writerReleases
	case notSent, queued, running:
	}
	if m.fault(WriterGivesUp) {
		// The outcome is unknown, so the hold stays for the resolver.
		s := b.try(Step{Kind: StepGiveUp, Who: i})
		s.writer[i].at = writerEnded
		if m.breaks(ReleaseUnknown | RefusalUnknown) {
			s.writer[i].at = writerReleasesUnknown
		}
	}
}

func (b *batch) writerReleases(i int) {
	m := b.model
	next := writerAcknowledges
	if w := &b.from.writer[i]; w.at == writerReleasesUnknown || w.stmt == refused {
		next = writerEnded
	}
	if b.reachable() {
		s := b.try(Step{Kind: StepRelease, Who: i})
		m.releaseAndFill(s, i)
		s.writer[i].at = next
	}
	if m.fault(ReleaseUndelivered) {
		b.try(Step{Kind: StepReleaseLost, Who: i}).writer[i].at = next
	}
	if m.fault(ReleaseDelayed) {
		s := b.try(Step{Kind: StepReleaseSentLate, Who: i})
		s.writer[i].at = next
		s.writer[i].lateRelease = true
	}
}

// lateScripts run when they run: before, after or between anything else.
func (b *batch) lateScripts(i int) {
	if !b.reachable() {
		return
	}
	if b.from.writer[i].lateHold {
		s := b.try(Step{Kind: StepHoldLate, Who: i})
		b.model.hold(s, i)
		s.writer[i].lateHold = false
	}
	if b.from.writer[i].lateRelease {
		s := b.try(Step{Kind: StepReleaseLate, Who: i})
		b.model.releaseAndFill(s, i)
		s.writer[i].lateRelease = false
	}
}

// hold is the script.
func (m *Model) hold(s *State, i int) {
	if m.breaks(MarkAtHold) && !m.breaks(Unmarked) {
		s.redis.marks |= write(i)
	}
	if m.breaks(ReleaseElsewhere) {
		return
	}
	if s.redis.version == missing || m.breaks(HoldRenewsVersion) {
		s.redis.version = m.fresh(s, s.redis.version)
		m.renewClock(s)
	}
	s.redis.holds |= m.holdOf(i)
}

// releaseAndFill is release as the writer sends it: the list that it has read
// is kept under the fresh version, if the one after hold still stands.
func (m *Model) releaseAndFill(s *State, i int) {
	r := s.writer[i].refresh
	stands := r.looked && s.writer[i].stmt == committed && s.redis.version != missing && (s.redis.version == r.token || m.breaks(RefreshUnchecked))
	m.release(s, i)
	if stands {
		s.redis.value = value{version: s.redis.version, data: r.data}
	}
	s.writer[i].refresh = refresh{}
}

// release is the script. After a refusal it only drops the hold: nothing has
// changed, so what was read under the version still stands.
func (m *Model) release(s *State, i int) {
	refusal := s.writer[i].stmt == refused || m.breaks(RefusalUnknown) && s.writer[i].stmt != committed
	if refusal && !m.breaks(ReleaseElsewhere) {
		s.redis.holds &^= m.holdOf(i)
		if m.breaks(MarkUnknown) && !m.breaks(Unmarked) {
			s.redis.marks |= write(i)
		}
		return
	}
	m.conclude(s, i)
}

// conclude is release after a commit, and resolve. Its mark says that the write
// had been committed when its states got fresh versions, so that the sweep need
// not do it again. It is the last thing that the script writes.
func (m *Model) conclude(s *State, i int) {
	if !m.breaks(Unmarked) && (s.writer[i].stmt == committed || m.breaks(MarkUnknown)) {
		s.redis.marks |= write(i)
	}
	if m.breaks(ReleaseElsewhere) {
		return
	}
	held := s.redis.holds&m.holdOf(i) != 0
	s.redis.holds &^= m.holdOf(i)
	if m.breaks(ReleaseKeepsVersion) || (m.breaks(ReleaseOnlyHeld) && !held) {
		return
	}
	m.renew(s)
}

func (m *Model) holdOf(i int) writes {
	if m.breaks(HoldIsFlag) {
		return write(0)
	}
	return write(i)
}

// lookOf is the moment at which the transaction of statement i reads the list.
// Others may commit between that moment and its own commit.
func (b *batch) lookOf(i int) {
	w, m := &b.from.writer[i], b.model
	if w.refresh.token == missing || w.refresh.looked {
		return
	}
	switch {
	case w.stmt == queued && m.breaks(RefreshBefore):
		b.looked(i, b.from.committed())
	case w.stmt == running && !m.breaks(RefreshBefore):
		b.looked(i, b.from.committed()|write(i))
	}
}

func (b *batch) looked(i int, data writes) {
	s := b.try(Step{Kind: StepLook, Who: i, Data: data})
	s.writer[i].refresh.looked, s.writer[i].refresh.data = true, data
}

// database is what the database may do with statement i.
func (b *batch) database(i int) {
	w, m := &b.from.writer[i], b.model
	switch {
	case w.stmt == queued && w.tombstone:
		b.try(Step{Kind: StepRefuse, Who: i}).writer[i].stmt = refused
	case w.stmt == queued:
		b.try(Step{Kind: StepBegin, Who: i}).writer[i].stmt = running
	case w.stmt == running:
		b.try(Step{Kind: StepCommit, Who: i}).writer[i].stmt = committed
		if m.fault(Denied) {
			b.try(Step{Kind: StepDeny, Who: i}).writer[i].stmt = refused
		}
	}
	b.lookOf(i)
	if w.tombstone && w.stmt != refused && m.breaks(TombstonePruned) {
		b.try(Step{Kind: StepPrune, Who: i}).writer[i].tombstone = false
	}
}
