package protocol

// sweeper is what sweeper i may do next. That there is one at a time saves
// work; nothing depends on it.
func (b *batch) sweeper(i int) {
	if b.from.sweep[i].reading {
		b.sweepEnds(i)
		b.try(Step{Kind: StepSweepDies, Who: i}).sweep[i] = sweep{}
		return
	}
	if !b.reachable() {
		return
	}
	// It takes the cursor from Redis and reads in one snapshot what has become
	// visible since.
	c := b.from.committed()
	s := b.try(Step{Kind: StepSweepRead, Who: i, Data: c})
	s.sweep[i] = sweep{reading: true, from: s.redis.cursor, to: b.snapshot(), committed: c}
}

// snapshot is the cursor after a sweep that reads now: exactly what is visible
// now, whatever is running and whichever numbers it has.
func (b *batch) snapshot() cursor {
	c := cursorSet | cursor(b.from.committed())
	if b.model.breaks(SequenceCursor|XmaxCursor) && b.from.later {
		for i := range b.from.writer {
			if b.from.writer[i].stmt == running {
				c |= cursor(write(i))
			}
		}
	}
	return c
}

// sweepEnds is the script sweep.
func (b *batch) sweepEnds(i int) {
	m, sw := b.model, b.from.sweep[i]
	if !b.reachable() {
		return
	}
	if sw.from != b.from.redis.cursor && !m.breaks(SweepUnguarded) {
		b.try(Step{Kind: StepSweepRefused, Who: i}).sweep[i] = sweep{}
		return
	}
	rows := sw.committed &^ sw.from.past()
	lost := sw.from&cursorSet == 0
	if lost || m.breaks(NotLogged) {
		rows = 0
	}
	skipped := b.skipped(rows)
	step := Step{Kind: StepSweep, Who: i, Data: rows}
	if skipped != 0 {
		step = Step{Kind: StepSweepSkips, Who: i, Data: skipped}
	}
	s := b.try(step)
	s.sweep[i] = sweep{}
	s.redis.cursor = sw.to
	// A committed write needs its hold no longer.
	for w := range m.Writers {
		if rows&write(w) != 0 && !(skipped&write(w) != 0 && m.breaks(MarkedKeepsHold)) {
			s.redis.holds &^= m.holdOf(w)
		}
	}
	// Without a cursor nobody knows what was missed: every version is fresh.
	if rows&^skipped != 0 || (lost && !m.breaks(CursorStartsNow)) {
		m.renew(s)
	}
	switch {
	case m.promises(InTime):
		b.grant(s, sw.committed)
	case m.promises(Swept):
		s.due |= sw.committed
	}
}

// skipped are the rows that need no fresh version: they are marked, and no
// hold of theirs is here. A hold that came after its write's release is dropped
// like any other, with a fresh version.
func (b *batch) skipped(rows writes) writes {
	m, mem := b.model, &b.from.redis
	var skip writes
	for w := range m.Writers {
		held := mem.holds&m.holdOf(w) != 0
		if mem.marks&rows&write(w) != 0 && (!held || m.breaks(MarkedKeepsHold|MarkedKeepsVersion)) {
			skip |= write(w)
		}
	}
	return skip
}

// grant gives the lease. It ends 2 s after the log was read, so if a write
// that the sweep did not see is 2 s old by now, it has ended already.
func (b *batch) grant(s *State, saw writes) {
	switch {
	case !b.model.leased():
	case b.model.breaks(LeaseFromEnd):
		s.redis.lease = lease{given: true, saw: s.committed()}
	case s.due&^saw == 0:
		s.redis.lease = lease{given: true, saw: saw}
	}
}

// lease is the passing of time: it may lapse at any moment, and it has lapsed
// when a write is 2 s old that its sweep did not see.
func (b *batch) lease() {
	if !b.model.promises(InTime) {
		return
	}
	if b.from.redis.lease.given {
		b.try(Step{Kind: StepLeaseLapses}).redis.lease = lease{}
	}
	for i := range b.model.Writers {
		if b.from.committed()&^b.from.due&write(i) == 0 {
			continue
		}
		s := b.try(Step{Kind: StepTwoSeconds, Who: i})
		s.due |= write(i)
		if s.due&^s.redis.lease.saw != 0 {
			s.redis.lease = lease{}
		}
	}
}
