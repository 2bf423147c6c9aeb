package protocol

import (
	"errors"
	"fmt"
)

// ErrTooManyStates is returned by Explore when a model does not fit its limit.
var ErrTooManyStates = errors.New("more states than the limit allows")

// Result is what exploring a model found.
type Result struct {
	// States that can be reached, counted once where they differ only in the
	// names of versions and readers; Moves between them; Depth is the number
	// of steps to the farthest. With a Violation they cover what was explored
	// until then.
	States, Moves, Depth int
	// Taken says which kinds of step were taken at least once.
	Taken [stepKinds]bool
	// Violation is nil if every promise holds in every state.
	Violation *Violation
}

// Violation is a shortest way to a broken promise.
type Violation struct {
	Broken Property
	Trace  Trace
}

// Explore visits every state that the model can reach, breadth first, and
// stops at the first broken promise. It gives up with ErrTooManyStates beyond
// limit states.
func (m Model) Explore(limit int) (Result, error) {
	_, res, err := m.search(limit)
	return res, err
}

func (m Model) search(limit int) (*visited, Result, error) {
	var res Result
	seen := newVisited()
	for _, root := range m.roots() {
		m.canonical(&root)
		seen.add(root.pack(), noParent)
	}
	var buffer []move
	level, levelEnd := 0, seen.len()
	for at := 0; at < seen.len(); at++ {
		if at == levelEnd {
			level, levelEnd = level+1, seen.len()
		}
		s := seen.states[at].unpack()
		buffer = m.moves(&s, buffer)
		for i := range buffer {
			mv := &buffer[i]
			res.Moves++
			res.Taken[mv.Kind] = true
			if mv.broken != 0 {
				res.States, res.Depth = seen.len(), level+1
				trace, err := m.retrace(seen, at, mv.Step)
				res.Violation = &Violation{Broken: mv.broken, Trace: trace}
				return seen, res, err
			}
			if m.breaks(CountedVersions) && mv.to.redis.version > maxVersion {
				continue // counted labels can't be renamed; the shortest violation is far below
			}
			m.canonical(&mv.to)
			seen.add(mv.to.pack(), at)
		}
		if seen.len() > limit {
			return seen, res, fmt.Errorf("%w: %d", ErrTooManyStates, limit)
		}
	}
	res.States, res.Depth = seen.len(), level
	return seen, res, nil
}
