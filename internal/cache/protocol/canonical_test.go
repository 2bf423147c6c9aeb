package protocol

import "testing"

// TestReductionsLoseNothing explores some models without the reductions and
// reduces what was found: it must be what exploring with them finds.
func TestReductionsLoseNothing(t *testing.T) {
	for name, m := range map[string]Model{
		"three readers":              {Writers: 1, Readers: 3, Sweepers: 1, Promised: P1},
		"evictions":                  {Writers: 1, Readers: 2, Sweepers: 1, Faults: inP1 | StateEvicted, Promised: Swept},
		"blind reads":                {Writers: 1, Readers: 2, Sweepers: 1, Faults: StateEvicted, Promised: Acknowledged | Swept, Blind: true},
		"two sweepers":               {Writers: 1, Readers: 1, Sweepers: 2, Faults: Flushed, Promised: Acknowledged | Swept},
		"two writers":                {Writers: 2, Readers: 1, Sweepers: 1, Promised: P1},
		"two sweepers, lost":         {Writers: 1, Readers: 1, Sweepers: 2, Faults: SharedEvicted | HoldDelayed | MarkLost, Promised: Acknowledged | Swept},
		"blind, old memory":          {Writers: 1, Readers: 1, Sweepers: 1, Faults: RolledBack, Promised: Acknowledged | Swept, Blind: true},
		"blind, in pod":              {Writers: 1, Readers: 2, Sweepers: 1, Faults: ReaderCutOff | StateEvicted, Promised: Acknowledged | Swept, Blind: true, InPod: true},
		"old memory":                 {Writers: 1, Readers: 2, Sweepers: 1, Faults: RolledBack, Promised: Acknowledged},
		"old memory, in pod":         {Writers: 1, Readers: 1, Sweepers: 1, Faults: RolledBack | MarkLost, Promised: Acknowledged, InPod: true},
		"a write's list":             {Writers: 2, Readers: 1, Sweepers: 1, Faults: WriterCrashes, Promised: P1, Refresh: true},
		"a write's list, old memory": {Writers: 1, Readers: 1, Sweepers: 1, Faults: RolledBack, Promised: Acknowledged, Refresh: true},
		"the copy ages":              {Writers: 1, Readers: 1, Sweepers: 1, Faults: RolledBack, Promised: Acknowledged, Ages: true},
		"leases":                     {Writers: 1, Readers: 2, Sweepers: 1, Faults: WriterCutOff, Promised: InTime},
	} {
		t.Run(name, func(t *testing.T) {
			reduced, result, err := m.search(limit)
			if err != nil || result.Violation != nil {
				t.Fatalf("%v, %v", err, result.Violation)
			}
			whole := m
			whole.plain = true
			all, result, err := whole.search(limit)
			if err != nil || result.Violation != nil {
				t.Fatalf("%v, %v", err, result.Violation)
			}
			t.Logf("%d states, reduced to %d", all.len(), reduced.len())
			met, found := make([]bool, reduced.len()), 0
			for _, p := range all.states {
				s := p.unpack()
				if s.pack() != p {
					t.Fatalf("a state changes when packed: %+v", s)
				}
				m.canonical(&s)
				n := reduced.slots[reduced.slot(s.pack())]
				if n == 0 {
					t.Fatalf("the reductions lost %+v", s)
				}
				if !met[n-1] {
					met[n-1] = true
					found++
				}
			}
			if found != reduced.len() {
				t.Errorf("the reductions invented %d states", reduced.len()-found)
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
	for _, p := range seen.states {
		s := p.unpack()
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
