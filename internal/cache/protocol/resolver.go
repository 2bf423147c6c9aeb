package protocol

// resolver is what may be done about the hold of write i. How long a hold has
// to stand before someone resolves it is a matter of cost, so here it may be
// resolved at once, while its writer is alive and about to go on.
func (b *batch) resolver(i int) {
	m, w := b.model, &b.from.writer[i]
	if m.breaks(HoldIsFlag) {
		return // a flag names no write that could be resolved
	}
	if w.resolving {
		if m.breaks(ResolveDropsFirst) {
			b.outcome(i)
			return
		}
		if b.reachable() {
			s := b.try(Step{Kind: StepResolve, Who: i})
			m.resolve(s, i)
			s.writer[i].resolving = false
		}
		return
	}
	if b.from.redis.holds&m.holdOf(i) == 0 || !b.reachable() {
		return
	}
	if m.breaks(ResolveDropsFirst) {
		s := b.try(Step{Kind: StepResolve, Who: i})
		m.resolve(s, i)
		s.writer[i].resolving = true
		return
	}
	b.outcome(i)
}

// outcome settles in the database what becomes of write i: it inserts the
// write id, ON CONFLICT DO NOTHING. While the statement runs, the insert waits
// for its end in the unique index.
func (b *batch) outcome(i int) {
	switch b.from.writer[i].stmt {
	case running:
		if !b.model.breaks(ResolveUnfenced) {
			return
		}
		b.try(Step{Kind: StepResolveAsk, Who: i}).settle(i)
	case committed, refused:
		b.try(Step{Kind: StepResolveAsk, Who: i}).settle(i)
	case notSent, queued:
		if b.model.breaks(ResolveUnfenced) {
			b.try(Step{Kind: StepResolveAsk, Who: i}).settle(i)
			return
		}
		s := b.try(Step{Kind: StepResolveTombstone, Who: i})
		s.settle(i)
		s.writer[i].tombstone = true
	}
}

// settle goes from knowing the outcome to telling Redis, or the other way
// round in the broken order.
func (s *State) settle(i int) { s.writer[i].resolving = !s.writer[i].resolving }

func (m *Model) resolve(s *State, i int) {
	clock := s.redis.clock
	m.conclude(s, i)
	if m.breaks(ResolveKeepsClock) {
		s.redis.clock = clock
	}
}
