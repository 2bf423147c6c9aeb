package protocol

import "strings"

// Property is a set of promises.
type Property uint8

const (
	// Acknowledged (P1): a read contains every write that was acknowledged
	// before the read began.
	Acknowledged Property = 1 << iota
	// Monotone (P1): a read contains every write that a read returned which
	// ended before this one began. Reads never go back.
	Monotone
	// Swept (P2, in sweeps): a read contains every write whose commit a
	// completed sweep had seen before the read began, acknowledged or not.
	Swept
	// InTime (P2, in seconds): a read contains every write that had been
	// committed for 2 s when the read began, whether sweeps run or not. With
	// it the lease is part of the protocol.
	InTime
)

// P1 is the promise while Redis is reachable and keeps its memory.
const P1 = Acknowledged | Monotone

// String lists the promises by name.
func (p Property) String() string {
	var names []string
	for _, n := range []struct {
		is   Property
		name string
	}{{Acknowledged, "acknowledged"}, {Monotone, "monotone"}, {Swept, "swept"}, {InTime, "in time"}} {
		if p&n.is != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ", ")
}

// obliged is what a read that begins now has to contain.
func (m *Model) obliged(s *State) writes {
	var must writes
	if m.promises(Acknowledged) {
		must |= s.acked
	}
	if m.promises(Monotone) {
		must |= s.seen
	}
	if m.promises(Swept | InTime) {
		must |= s.due
	}
	return must
}

// breach tells which promises a read breaks that begins in s and answers data.
func (m *Model) breach(s *State, data writes) Property {
	var p Property
	if s.acked&^data != 0 {
		p |= Acknowledged
	}
	if s.seen&^data != 0 {
		p |= Monotone
	}
	if s.due&^data != 0 {
		p |= Swept | InTime
	}
	return p & m.Promised
}

// answered notes what a read has returned.
func (m *Model) answered(s *State, data writes) {
	if m.promises(Monotone) {
		s.seen |= data
	}
}
