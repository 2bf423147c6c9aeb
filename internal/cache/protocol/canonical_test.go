package protocol

import "testing"

// TestReductionsLoseNothing explores some models without the reductions and
// reduces what was found: it must be what exploring with them finds.
func TestReductionsLoseNothing(t *testing.T) {
	for name, m := range map[string]Model{
		"three readers":      {Writers: 1, Readers: 3, Sweepers: 1, Promised: P1},
		"evictions":          {Writers: 1, Readers: 2, Sweepers: 1, Faults: inP1 | StateEvicted, Promised: Swept},
		"blind reads":        {Writers: 1, Readers: 2, Sweepers: 1, Faults: StateEvicted, Promised: Acknowledged | Swept, Blind: true},
		"two sweepers":       {Writers: 1, Readers: 1, Sweepers: 2, Faults: Flushed, Promised: Acknowledged | Swept},
		"two writers":        {Writers: 2, Readers: 1, Sweepers: 1, Promised: P1},
		"old memory":         {Writers: 1, Readers: 2, Sweepers: 1, Faults: RolledBack, Promised: Acknowledged},
		"old memory, in pod": {Writers: 1, Readers: 2, Sweepers: 1, Faults: RolledBack, Promised: Acknowledged, InPod: true},
		"leases":             {Writers: 1, Readers: 2, Sweepers: 1, Faults: WriterCutOff, Promised: InTime},
	} {
		t.Run(name, func(t *testing.T) {
			reduced, result, err := m.search(limit)
			if err != nil || result.Violation != nil {
				t.Fatalf("%v, %v", err, result.Violation)
			}
			want := make(map[packed]bool, reduced.len())
			for _, n := range reduced.nodes {
				want[n.state] = true
			}
			whole := m
			whole.plain = true
			all, result, err := whole.search(limit)
			if err != nil || result.Violation != nil {
				t.Fatalf("%v, %v", err, result.Violation)
			}
			t.Logf("%d states, reduced to %d", all.len(), reduced.len())
			met := make(map[packed]bool, len(want))
			for _, n := range all.nodes {
				s := n.state.unpack()
				if s.pack() != n.state {
					t.Fatalf("a state changes when packed: %+v", s)
				}
				m.canonical(&s)
				p := s.pack()
				if !want[p] {
					t.Fatalf("the reductions lost %+v", s)
				}
				met[p] = true
			}
			if len(met) != len(want) {
				t.Errorf("the reductions invented %d states", len(want)-len(met))
			}
		})
	}
}

// TestPackingKeepsEveryField packs every state that a step leads to.
func TestPackingKeepsEveryField(t *testing.T) {
	m := Model{Writers: 1, Readers: 2, Sweepers: 2, Faults: inP1 | Flushed, Promised: Acknowledged | Swept, Blind: true}
	seen, _, err := m.search(limit)
	if err != nil {
		t.Fatal(err)
	}
	var buffer []move
	for _, n := range seen.nodes {
		s := n.state.unpack()
		buffer = m.moves(&s, buffer)
		for i := range buffer {
			to := &buffer[i].to
			m.canonical(to)
			if to.pack().unpack() != *to {
				t.Fatalf("a state changes when packed: %+v", *to)
			}
		}
	}
}
