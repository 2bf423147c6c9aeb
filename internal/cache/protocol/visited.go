package protocol

const noParent = -1

// visited is the set of states found so far, in the order of finding, each
// with the state that it was first reached from. An open hash table over the
// list. Most of the time goes into looking up states that are known already,
// so what is looked at is kept small and apart from the rest.
type visited struct {
	states  []packed
	parents []int // index into states
	slots   []int // index into states plus one; zero is free
}

func newVisited() *visited { return &visited{slots: make([]int, 1<<12)} }

func (v *visited) len() int { return len(v.states) }

func (v *visited) add(p packed, parent int) {
	if 2*len(v.states) >= len(v.slots) {
		v.grow()
	}
	i := v.slot(p)
	if v.slots[i] != 0 {
		return
	}
	v.states = append(v.states, p)
	v.parents = append(v.parents, parent)
	v.slots[i] = len(v.states)
}

func (v *visited) slot(p packed) int {
	h := (p[0] ^ p[1]*0x9e3779b97f4a7c15 ^ p[2]*0xc2b2ae3d27d4eb4f) * 0xff51afd7ed558ccd
	mask := len(v.slots) - 1
	for i := int(h>>33) & mask; ; i = (i + 1) & mask {
		if n := v.slots[i]; n == 0 || v.states[n-1] == p {
			return i
		}
	}
}

func (v *visited) grow() {
	v.slots = make([]int, 2*len(v.slots))
	for n := range v.states {
		v.slots[v.slot(v.states[n])] = n + 1
	}
}

// path lists the states from a root to the one at index i.
func (v *visited) path(i int) []packed {
	var back []packed
	for ; i != noParent; i = v.parents[i] {
		back = append(back, v.states[i])
	}
	for l, r := 0, len(back)-1; l < r; l, r = l+1, r-1 {
		back[l], back[r] = back[r], back[l]
	}
	return back
}
