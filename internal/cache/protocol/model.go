package protocol

// Model says what is explored: how many take part, what may go wrong, what is
// broken on purpose, and what has to hold. The zero value of each set means
// none, so a Model without Broken is the protocol as it is specified.
type Model struct {
	// Writers is 1 or 2. Each writes once.
	Writers int
	// Readers is 1 to 3, all at work at once. Each reads again and again.
	Readers int
	// Sweepers is 1 or, for a sweeper that was paused until another took its
	// place, 2.
	Sweepers int
	Faults   Fault
	Broken   Broken
	Promised Property
	// InPod: the copy is kept outside Redis: a user in the memory of a pod, a
	// body with its ETag in a client. Redis can neither drop it nor check its
	// fill; only the version that a read returns can tell that it is old.
	InPod bool
	// Glance: a pod may read by two steps instead of the script: the lease first,
	// then the version, for a copy that it remembers. It needs InPod.
	Glance bool
	// Blind: a read may be unable to know before the database read which
	// states its list depends on (an unknown token, an unknown member).
	Blind bool
	// Unshared: every read is a flight of its own.
	Unshared bool
	// Refresh: a write reads the list in its own transaction, and release fills it.
	Refresh bool
	// Ages: the copy's valid_until may pass at any moment. A read then makes the
	// list of today out of the copy, or reads the database.
	Ages bool

	// numbered: versions are numbered in the order of their making, for traces.
	numbered bool
	// plain explores without the reductions of canonical, to test them.
	plain bool
}

func (m *Model) fault(f Fault) bool       { return m.Faults&f != 0 }
func (m *Model) breaks(b Broken) bool     { return m.Broken&b != 0 }
func (m *Model) promises(p Property) bool { return m.Promised&p != 0 }
func (m *Model) leased() bool             { return m.promises(InTime) && !m.breaks(NoLease) }
func (m *Model) shared(c, v version) bool { return c == v && c != missing && c != dead }
func (m *Model) clocked() bool            { return m.Blind }

// roots are the states that exploring begins from: a cold cache and a warm one.
func (m *Model) roots() []State {
	var cold State
	for i := m.Writers; i < maxWriters; i++ {
		cold.writer[i].at = writerEnded
	}
	warm := cold
	warm.redis = memory{version: 1, value: value{version: 1}, cursor: cursorSet}
	warm.last = 1
	if m.clocked() {
		warm.redis.clock = 1
	}
	if m.leased() {
		warm.redis.lease.given = true
	}
	return []State{warm, cold}
}

// fresh is a version that nothing in the state carries. It stands for a random
// one. used is what the state's field carries now.
func (m *Model) fresh(s *State, used version) version {
	if m.breaks(CountedVersions) {
		return used + 1
	}
	if m.numbered {
		s.last++
		if s.last == absent {
			s.last = dead + 1
		}
		return s.last
	}
	var taken uint32
	for _, mem := range []*memory{&s.redis, &s.backup} {
		taken |= 1<<mem.version | 1<<mem.clock | 1<<mem.value.version
	}
	for i := range s.reader {
		taken |= 1 << s.reader[i].token
	}
	for i := range s.writer {
		taken |= 1 << s.writer[i].refresh.token
	}
	v := version(1)
	for taken&(1<<v) != 0 {
		v++
	}
	return v
}

// renewClock is part of every script that sets a state's version.
func (m *Model) renewClock(s *State) {
	if m.clocked() {
		s.redis.clock = m.fresh(s, s.redis.clock)
	}
}

// renew sets a fresh version if the state is there. If it is not, there is
// nothing to do: who needs it will create it, at random.
func (m *Model) renew(s *State) {
	if s.redis.version != missing {
		s.redis.version = m.fresh(s, s.redis.version)
	}
	m.renewClock(s)
}
