package protocol

const noParent = -1

// visited is the set of states found so far, in the order of finding, each
// with the state that it was first reached from. An open hash table over the
// list: 32 bytes a state.
type visited struct {
	nodes []node
	slots []int32 // index into nodes plus one; zero is free
}

type node struct {
	state  packed
	parent int32
}

func newVisited() *visited { return &visited{slots: make([]int32, 1<<12)} }

func (v *visited) len() int { return len(v.nodes) }

func (v *visited) add(p packed, parent int) {
	if 2*len(v.nodes) >= len(v.slots) {
		v.grow()
	}
	i := v.slot(p)
	if v.slots[i] != 0 {
		return
	}
	v.nodes = append(v.nodes, node{p, int32(parent)}) //nolint:gosec // Explore's limit is far below 2^31
	v.slots[i] = int32(len(v.nodes))                  //nolint:gosec // as above
}

func (v *visited) slot(p packed) uint64 {
	h := (p[0] ^ p[1]*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	h ^= h >> 32
	mask := uint64(len(v.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		if n := v.slots[i]; n == 0 || v.nodes[n-1].state == p {
			return i
		}
	}
}

func (v *visited) grow() {
	v.slots = make([]int32, 2*len(v.slots))
	for n := range v.nodes {
		v.slots[v.slot(v.nodes[n].state)] = int32(n + 1) //nolint:gosec // as above
	}
}

// path lists the states from a root to the one at index i.
func (v *visited) path(i int) []packed {
	var back []packed
	for ; i != noParent; i = int(v.nodes[i].parent) {
		back = append(back, v.nodes[i].state)
	}
	for l, r := 0, len(back)-1; l < r; l, r = l+1, r-1 {
		back[l], back[r] = back[r], back[l]
	}
	return back
}
