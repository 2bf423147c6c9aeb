package protocol

// reader is what reader i may do next.
func (b *batch) reader(i int) {
	switch b.from.reader[i].at {
	case idle:
		b.read(i)
		b.glance(i)
	case glanced:
		b.look(i)
	case missed, blindMissed:
		b.join(i)
		b.load(i)
	case loaded:
		b.fill(i)
	case blindLoaded:
		b.fillBlind(i)
	}
}

// read is the script, at the moment when the request begins: an earlier
// beginning would oblige it to less.
func (b *batch) read(i int) {
	m := b.model
	must := m.obliged(b.from)
	if m.fault(ReaderCutOff) {
		b.try(Step{Kind: StepReadCutOff, Who: i}).reader[i] = reader{at: missed, must: must}
	}
	if !b.reachable() {
		return
	}
	if m.Blind {
		s := b.try(Step{Kind: StepReadBlind, Who: i})
		if s.redis.clock == missing {
			s.redis.clock = m.fresh(s, missing)
		}
		s.reader[i] = reader{at: blindMissed, token: s.redis.clock}
		if m.breaks(BlindShares | BlindSharesByClock) {
			s.reader[i].must = must // else nobody joins, and what is loaded is the newest
		}
	}
	mem := &b.from.redis
	held := mem.holds != 0 && !m.breaks(IgnoreHolds)
	switch {
	case m.breaks(ServeUnchecked) && mem.value.version != missing:
		b.hit(i)
	case m.breaks(RemakeUnchecked) && mem.value.aged && mem.version != missing && !held:
		b.remake(i)
	case mem.version == missing && m.breaks(CompareMissing):
		b.try(Step{Kind: StepReadMiss, Who: i}).reader[i] = reader{at: missed, token: absent, must: must}
	case mem.version == missing:
		// "Missing" is never compared with anything: it would be the same
		// before and after a write whose state was evicted.
		s := b.try(Step{Kind: StepReadCreate, Who: i})
		s.redis.version = m.fresh(s, missing)
		s.reader[i] = reader{at: missed, token: s.redis.version, must: must}
	case held && m.breaks(FillHeld):
		b.try(Step{Kind: StepReadHeld, Who: i}).reader[i] = reader{at: missed, token: mem.version, must: must}
	case held:
		b.try(Step{Kind: StepReadHeld, Who: i}).reader[i] = reader{at: missed, must: must}
	case m.leased() && !mem.lease.given && m.breaks(UnleasedShares):
		b.try(Step{Kind: StepReadMiss, Who: i}).reader[i] = reader{at: missed, token: mem.version, must: must}
	case m.leased() && !mem.lease.given:
		// Not even a flight may be shared: it may have begun long ago, and
		// while no sweep runs its key does not change.
		b.try(Step{Kind: StepReadUnleased, Who: i}).reader[i] = reader{at: missed, must: must}
	case mem.value.version == mem.version && mem.value.aged:
		b.remake(i)
		b.try(Step{Kind: StepReadMiss, Who: i}).reader[i] = reader{at: missed, token: mem.version, must: must}
	case mem.value.version == mem.version:
		b.hit(i)
	default:
		b.try(Step{Kind: StepReadMiss, Who: i}).reader[i] = reader{at: missed, token: mem.version, must: must}
	}
}

// glance is the first step of a read from a pod's memory: the lease, and the
// copy that the pod remembers. Where the lease does not stand, the script has
// its turn, which is a read that begins now.
func (b *batch) glance(i int) {
	m, mem := b.model, &b.from.redis
	if !m.Glance || !b.reachable() || mem.value.version == missing {
		return
	}
	stands := !m.leased() || mem.lease.given
	if m.breaks(GlanceBackwards) {
		stands = mem.stands(mem.value.version)
	}
	if stands {
		b.try(Step{Kind: StepGlance, Who: i}).reader[i] = reader{
			at: glanced, token: mem.value.version, data: mem.value.data, must: m.obliged(b.from),
		}
	}
}

// look is the second step: the version and its holds. What was remembered is
// answered if it stands; else the script has its turn.
func (b *batch) look(i int) {
	m, r, mem := b.model, b.from.reader[i], &b.from.redis
	stands := mem.stands(r.token)
	if m.breaks(GlanceBackwards) {
		stands = !m.leased() || mem.lease.given
	}
	if !stands || !b.reachable() {
		b.try(Step{Kind: StepGlanceMiss, Who: i}).reader[i] = reader{}
		return
	}
	s := b.try(Step{Kind: StepGlanceHit, Who: i, Data: r.data})
	s.reader[i] = reader{}
	m.answered(s, r.data)
	if r.must&^r.data != 0 {
		b.out[len(b.out)-1].broken = m.Promised
	}
}

// stands: the version is the state's, and nothing holds it.
func (m *memory) stands(v version) bool { return v != missing && m.version == v && m.holds == 0 }

func (b *batch) hit(i int) {
	data := b.from.redis.value.data
	s := b.try(Step{Kind: StepReadHit, Who: i, Data: data})
	b.model.answered(s, data)
	b.out[len(b.out)-1].broken = b.model.breach(b.from, data)
}

// remake answers what the copy contains, which is what the database would say under
// these versions, and is to fill it: like a read that has loaded.
func (b *batch) remake(i int) {
	mem := &b.from.redis
	s := b.try(Step{Kind: StepReadRemake, Who: i, Data: mem.value.data})
	s.reader[i] = reader{at: loaded, token: mem.version, data: mem.value.data}
	b.model.answered(s, mem.value.data)
	b.out[len(b.out)-1].broken = b.model.breach(b.from, mem.value.data)
}

// join takes the result of a flight: of a read with the same token that has
// loaded and whose flight is still open.
func (b *batch) join(i int) {
	m, r := b.model, &b.from.reader[i]
	if m.Unshared || r.at == blindMissed && !m.breaks(BlindShares|BlindSharesByClock) {
		return
	}
	open := loaded
	if r.at == blindMissed {
		open = blindLoaded
	}
	for j := range b.from.reader {
		leader := &b.from.reader[j]
		if j == i || leader.at != open {
			continue
		}
		switch {
		case r.at == blindMissed && m.breaks(BlindShares):
		case m.shared(leader.token, r.token):
		case m.breaks(FlightUnkeyed) && r.token != missing && leader.token != missing:
		case m.breaks(BypassShares) && r.token == missing && leader.token == missing:
		default:
			continue
		}
		s := b.try(Step{Kind: StepJoin, Who: i, With: j, Data: leader.data})
		s.reader[i] = reader{}
		m.answered(s, leader.data)
		if r.must&^leader.data != 0 {
			b.out[len(b.out)-1].broken = m.Promised
		}
	}
}

// load is the moment of the database read's snapshot, and the answer.
func (b *batch) load(i int) {
	m, r := b.model, b.from.reader[i]
	data := b.from.committed()
	s := b.try(Step{Kind: StepLoad, Who: i, Data: data})
	m.answered(s, data)
	switch {
	case r.at == blindMissed:
		s.reader[i] = reader{at: blindLoaded, token: r.token, data: data}
	case r.token == missing && !m.breaks(BypassShares):
		s.reader[i] = reader{}
	default:
		s.reader[i] = reader{at: loaded, token: r.token, data: data}
	}
}

// fill is the script. The answer has gone out, so a fill may come at any time
// or never.
func (b *batch) fill(i int) {
	m, r := b.model, b.from.reader[i]
	mem := &b.from.redis
	if m.fault(ReaderCutOff) || r.token == missing {
		b.try(Step{Kind: StepFillLost, Who: i}).reader[i] = reader{}
	}
	if r.token == missing {
		return
	}
	if m.InPod {
		// Nobody checks: the token says under which version it may be used.
		s := b.try(Step{Kind: StepFill, Who: i, Data: r.data})
		s.redis.value = value{version: r.token, data: r.data}
		s.reader[i] = reader{}
		return
	}
	if !b.reachable() {
		return
	}
	stands := r.token == mem.version && (mem.holds == 0 || m.breaks(FillHeld|IgnoreHolds))
	switch {
	case stands, m.breaks(FillUnchecked) && mem.version != missing:
		s := b.try(Step{Kind: StepFill, Who: i, Data: r.data})
		s.redis.value = value{version: mem.version, data: r.data}
		s.reader[i] = reader{}
	case r.token == absent && mem.version == missing:
		s := b.try(Step{Kind: StepFill, Who: i, Data: r.data})
		s.redis.version = m.fresh(s, missing)
		s.redis.value = value{version: s.redis.version, data: r.data}
		s.reader[i] = reader{}
	default:
		b.try(Step{Kind: StepFillRefused, Who: i}).reader[i] = reader{}
	}
}

// fillBlind is the fill of a read that learnt only from the database which
// states its list depends on. It had no version of theirs to keep; the write
// clock says that no version at all was set since, and no hold that none is
// about to be.
func (b *batch) fillBlind(i int) {
	m, r := b.model, b.from.reader[i]
	mem := &b.from.redis
	if m.fault(ReaderCutOff) {
		b.try(Step{Kind: StepFillLost, Who: i}).reader[i] = reader{}
	}
	if !b.reachable() {
		return
	}
	if mem.holds != 0 || (r.token != mem.clock && !m.breaks(BlindUnchecked)) {
		b.try(Step{Kind: StepFillRefused, Who: i}).reader[i] = reader{}
		return
	}
	s := b.try(Step{Kind: StepFill, Who: i, Data: r.data})
	if s.redis.version == missing {
		s.redis.version = m.fresh(s, missing)
	}
	s.redis.value = value{version: s.redis.version, data: r.data}
	s.reader[i] = reader{}
}
