package protocol

// canonical renames the versions of s and orders its readers, so that states
// that differ only in names are one state. Random versions have no other
// meaning than equality, and readers are all alike, so nothing is lost; and
// the number of states is finite however often versions are set.
func (m *Model) canonical(s *State) {
	if x, y := s.sweep[0], s.sweep[1]; m.Sweepers == 2 && !m.plain && x.rank() > y.rank() {
		s.sweep[0], s.sweep[1] = y, x
	}
	if !m.breaks(remembers) && !m.plain {
		m.forget(s)
	}
	if m.breaks(CountedVersions) {
		m.sortReaders(s, &renaming{}, &renaming{})
		return
	}
	var states, clocks renaming
	states.name(s.redis.version)
	states.name(s.backup.version)
	states.name(s.redis.value.version)
	states.name(s.backup.value.version)
	clocks.name(s.redis.clock)
	clocks.name(s.backup.clock)
	m.sortReaders(s, &states, &clocks)
	for i := range s.reader {
		r := &s.reader[i]
		if r.blind() {
			r.token = clocks.name(r.token)
		} else {
			r.token = states.name(r.token)
		}
	}
	for i := range s.writer {
		s.writer[i].refresh.token = states.name(s.writer[i].refresh.token)
	}
	for _, mem := range []*memory{&s.redis, &s.backup} {
		mem.version = states.name(mem.version)
		mem.value.version = states.name(mem.value.version)
		mem.clock = clocks.name(mem.clock)
	}
}

// rank orders sweeps; equal ranks are equal sweeps.
func (w sweep) rank() int {
	if !w.reading {
		return -1
	}
	return int(w.from)<<8 | int(w.to)<<4 | int(w.committed)
}

// mayFill: the writer's release is still to come.
func (w *writer) mayFill() bool {
	return w.lateRelease || w.at != writerReleasesUnknown && w.at != writerAcknowledges && w.at != writerEnded
}

func (r *reader) blind() bool { return r.at == blindMissed || r.at == blindLoaded }

// remembers are the broken protocols that still use what the others can forget.
const remembers = FillUnchecked | CompareMissing | FlightUnkeyed | BypassShares | ServeUnchecked |
	CountedVersions | RemakeUnchecked | BlindUnchecked | BlindShares | BlindSharesByClock | CursorInPod | MarkInPod

// forget drops what can make no difference any more: copies under versions
// that cannot come back, fills that are bound to be refused, all of old memory
// that connect replaces, and marks that no sweep will look for. A pod's fill is never refused: it may put a dead copy in
// the place of a good one.
func (m *Model) forget(s *State) {
	if !m.breaks(RunIDIgnored) {
		s.backup = s.backup.connected()
		if s.restarted {
			value := s.redis.value
			s.redis = s.redis.connected()
			if m.InPod {
				s.redis.value = value
			}
		}
	}
	unsought := m.unsought(s)
	for _, mem := range []*memory{&s.redis, &s.backup} {
		if mem.cursor&cursorSet == 0 {
			mem.marks &^= unsought
		} else {
			mem.marks &^= unsought & mem.cursor.past()
		}
	}
	old := func(v version) bool { return s.backupTaken && v == s.backup.version && v != dead }
	if v := s.redis.value.version; v == dead || v != s.redis.version && (!m.InPod || !old(v)) {
		s.redis.value = value{}
	}
	if s.backup.value.version != s.backup.version {
		s.backup.value = value{}
	}
	for i := range s.writer {
		// A list that release is bound to refuse, or that nobody will hand to it.
		w := &s.writer[i]
		if v := w.refresh.token; v != s.redis.version && !old(v) && !m.breaks(RefreshUnchecked) || !w.mayFill() {
			w.refresh = refresh{}
		}
	}
	for i := range s.reader {
		r := &s.reader[i]
		switch {
		case r.at == loaded && !m.InPod && r.token != s.redis.version && !old(r.token) && !m.awaited(s, r.token):
			*r = reader{}
		case r.at == glanced && !m.breaks(GlanceBackwards) && r.token != s.redis.version && !old(r.token):
			*r = reader{at: glanced}
		case r.at == blindLoaded && r.token != s.redis.clock && (!s.backupTaken || r.token != s.backup.clock):
			*r = reader{}
		}
	}
	for i := range s.reader {
		r := &s.reader[i]
		if (r.at == missed || r.at == loaded) && r.token != missing && r.token != s.redis.version && !old(r.token) && !m.hasCompany(s, i) {
			r.token = dead
		}
	}
	// A read whose fill would be refused and whose flight nobody shares goes
	// round, whatever it set out for, and what it has to contain it will.
	for i := range s.reader {
		r := &s.reader[i]
		switch {
		case r.at == blindMissed && r.token != s.redis.clock && (!s.backupTaken || r.token != s.backup.clock),
			r.at == missed && r.token == dead && !m.InPod:
			*r = reader{at: missed}
		case r.at == missed && (r.token == missing || r.token == dead || m.Unshared):
			r.must = 0
		}
	}
}

// connected is what the script connect leaves of old memory, or will: the
// version is to be a fresh one.
func (m *memory) connected() memory {
	c := memory{holds: m.holds, marks: m.marks}
	if m.version != missing {
		c.version = dead
	}
	return c
}

// unsought are the committed writes that no sweep under way has read too early
// to see: once a cursor is past them, it stays so until it is lost, and a sweep
// without a cursor looks for no marks.
func (m *Model) unsought(s *State) writes {
	w := s.committed()
	for i := range s.sweep {
		sw := &s.sweep[i]
		if !sw.reading {
			continue
		}
		w &= sw.to.past()
		if m.breaks(SweepUnguarded) && sw.from&cursorSet != 0 {
			w &= sw.from.past()
		}
	}
	return w
}

// awaited: a read might still join a flight with this token.
func (m *Model) awaited(s *State, token version) bool {
	for i := range s.reader {
		if s.reader[i].at == missed && m.shared(s.reader[i].token, token) {
			return true
		}
	}
	return false
}

// hasCompany: another reader has the same token, so that a flight may be shared.
func (m *Model) hasCompany(s *State, i int) bool {
	for j := range s.reader {
		if j != i && (s.reader[j].at == missed || s.reader[j].at == loaded) && m.shared(s.reader[j].token, s.reader[i].token) {
			return true
		}
	}
	return false
}

// renaming gives labels 1, 2, ... in the order of asking. Missing, absent and
// dead keep their names.
type renaming struct {
	from [16]version
	last version
}

// known is the new name of v, missing if it has none yet.
func (n *renaming) known(v version) version {
	for i := version(1); i <= n.last; i++ {
		if n.from[i] == v {
			return i
		}
	}
	return missing
}

func (n *renaming) name(v version) version {
	if v == missing || v == absent || v == dead {
		return v
	}
	if to := n.known(v); to != missing {
		return to
	}
	n.last++
	n.from[n.last] = v
	return n.last
}

// sortReaders orders the readers by what they are and, where that is equal, by
// who else carries their token: an order that does not depend on labels, so
// that states that are equal but for names come out equal.
func (m *Model) sortReaders(s *State, states, clocks *renaming) {
	var key [maxReaders]uint64
	for i := range s.reader {
		r := &s.reader[i]
		names := states
		if r.blind() {
			names = clocks
		}
		known, company := r.token, uint64(0)
		if r.token != missing && r.token != absent && r.token != dead && !m.breaks(CountedVersions) {
			if known = names.known(r.token); known == missing {
				known, company = maxVersion, companyOf(s, r)
			}
		}
		key[i] = r.kind()<<46 | uint64(known)<<42 | company
	}
	for i := 1; i < m.Readers && !m.plain; i++ {
		for j := i; j > 0 && key[j] < key[j-1]; j-- {
			key[j], key[j-1] = key[j-1], key[j]
			s.reader[j], s.reader[j-1] = s.reader[j-1], s.reader[j]
		}
	}
}

// kind is all of a reader but its token, in 7 bits.
func (r *reader) kind() uint64 { return uint64(r.at)<<4 | uint64(r.data)<<2 | uint64(r.must) }

// companyOf tells sets of readers with one token apart by their power sums,
// which determine up to three kinds, in 42 bits.
func companyOf(s *State, r *reader) uint64 {
	var sum, squares, cubes uint64
	for j := range s.reader {
		if o := &s.reader[j]; o.at != idle && o.token == r.token && o.blind() == r.blind() {
			k := o.kind()
			sum, squares, cubes = sum+k, squares+k*k, cubes+k*k*k
		}
	}
	return cubes<<22 | squares<<8 | sum
}
