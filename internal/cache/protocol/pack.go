package protocol

// packed is a State in 192 bits, for the set of visited states.
type packed [3]uint64

// bits is a word that fields of up to 4 bits are pushed to and popped from,
// last in, first out.
type bits uint64

func (b *bits) push(v uint8, width uint) { *b = *b<<width | bits(v) }

func (b *bits) pushBool(v bool) {
	*b <<= 1
	if v {
		*b |= 1
	}
}

func (b *bits) pop(width uint) uint8 {
	v := uint8(*b & 0xf)
	*b >>= width
	return v & (1<<width - 1)
}

func (b *bits) popBool() bool { return b.pop(1) == 1 }

func (s *State) pack() packed {
	var a, b, c bits
	for i := range s.writer {
		w := &s.writer[i]
		a.push(uint8(w.at), 3)
		a.push(uint8(w.stmt), 3)
		a.pushBool(w.tombstone)
		a.pushBool(w.resolving)
		a.pushBool(w.lateHold)
		a.pushBool(w.lateRelease)
	}
	a.pushMemory(&s.redis)
	for i := range s.sweep {
		a.pushBool(s.sweep[i].reading)
		a.push(uint8(s.sweep[i].from), 3)
		a.push(uint8(s.sweep[i].to), 3)
		a.push(uint8(s.sweep[i].committed), 2)
	}
	a.pushBool(s.restarted)
	a.pushBool(s.later)

	b.push(uint8(s.acked), 2)
	b.push(uint8(s.seen), 2)
	b.push(uint8(s.due), 2)
	b.pushMemory(&s.backup)
	b.pushBool(s.backupTaken)
	for i := range s.reader {
		b.push(uint8(s.reader[i].at), 3)
		b.push(uint8(s.reader[i].token), 4)
		b.push(uint8(s.reader[i].data), 2)
		b.push(uint8(s.reader[i].must), 2)
	}
	for i := range s.writer {
		c.push(uint8(s.writer[i].refresh.token), 4)
		c.pushBool(s.writer[i].refresh.looked)
		c.push(uint8(s.writer[i].refresh.data), 2)
	}
	c.pushBool(s.redis.value.aged)
	c.pushBool(s.backup.value.aged)
	return packed{uint64(a), uint64(b), uint64(c)}
}

func (p packed) unpack() State {
	var s State
	a, b, c := bits(p[0]), bits(p[1]), bits(p[2])
	s.later = a.popBool()
	s.restarted = a.popBool()
	for i := maxSweepers - 1; i >= 0; i-- {
		s.sweep[i].committed = writes(a.pop(2))
		s.sweep[i].to = cursor(a.pop(3))
		s.sweep[i].from = cursor(a.pop(3))
		s.sweep[i].reading = a.popBool()
	}
	a.popMemory(&s.redis)
	for i := maxWriters - 1; i >= 0; i-- {
		w := &s.writer[i]
		w.lateRelease = a.popBool()
		w.lateHold = a.popBool()
		w.resolving = a.popBool()
		w.tombstone = a.popBool()
		w.stmt = statement(a.pop(3))
		w.at = writerAt(a.pop(3))
	}
	for i := maxReaders - 1; i >= 0; i-- {
		s.reader[i].must = writes(b.pop(2))
		s.reader[i].data = writes(b.pop(2))
		s.reader[i].token = version(b.pop(4))
		s.reader[i].at = readerAt(b.pop(3))
	}
	s.backupTaken = b.popBool()
	b.popMemory(&s.backup)
	s.due = writes(b.pop(2))
	s.seen = writes(b.pop(2))
	s.acked = writes(b.pop(2))
	s.backup.value.aged = c.popBool()
	s.redis.value.aged = c.popBool()
	for i := maxWriters - 1; i >= 0; i-- {
		r := &s.writer[i].refresh
		r.data = writes(c.pop(2))
		r.looked = c.popBool()
		r.token = version(c.pop(4))
	}
	return s
}

func (b *bits) pushMemory(m *memory) {
	b.push(uint8(m.version), 4)
	b.push(uint8(m.holds), 2)
	b.push(uint8(m.clock), 4)
	b.push(uint8(m.value.version), 4)
	b.push(uint8(m.value.data), 2)
	b.push(uint8(m.cursor), 3)
	b.pushBool(m.lease.given)
	b.push(uint8(m.lease.saw), 2)
	b.push(uint8(m.marks), 2)
}

func (b *bits) popMemory(m *memory) {
	m.marks = writes(b.pop(2))
	m.lease.saw = writes(b.pop(2))
	m.lease.given = b.popBool()
	m.cursor = cursor(b.pop(3))
	m.value.data = writes(b.pop(2))
	m.value.version = version(b.pop(4))
	m.clock = version(b.pop(4))
	m.holds = writes(b.pop(2))
	m.version = version(b.pop(4))
}
