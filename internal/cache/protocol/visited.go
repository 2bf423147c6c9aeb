package protocol

const noParent = -1

// visited is the set of states found so far, in the order of finding, each
// with the state that it was first reached from. An open hash table over the
// list.
type visited struct {
	nodes []node
	slots []int // index into nodes plus one; zero is free
}

type node struct {
	state  packed
	parent int
}

func newVisited() *visited { return &visited{slots: make([]int, 1<<12)} }

func (v *visited) len() int { return len(v.nodes) }

func (v *visited) add(p packed, parent int) {
	if 2*len(v.nodes) >= len(v.slots) {
		v.grow()
	}
	i := v.slot(p)
	if v.slots[i] != 0 {
		return
	}
	v.nodes = append(v.nodes, node{p, parent})
	v.slots[i] = len(v.nodes)
}

func (v *visited) slot(p packed) int {
	h := (p[0] ^ p[1]*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	mask := len(v.slots) - 1
	for i := int(h>>33) & mask; ; i = (i + 1) & mask {
		if n := v.slots[i]; n == 0 || v.nodes[n-1].state == p {
			return i
		}
	}
}

func (v *visited) grow() {
	v.slots = make([]int, 2*len(v.slots))
	for n := range v.nodes {
		v.slots[v.slot(v.nodes[n].state)] = n + 1
	}
}

// path lists the states from a root to the one at index i.
func (v *visited) path(i int) []packed {
	var back []packed
	for ; i != noParent; i = v.nodes[i].parent {
		back = append(back, v.nodes[i].state)
	}
	for l, r := 0, len(back)-1; l < r; l, r = l+1, r-1 {
		back[l], back[r] = back[r], back[l]
	}
	return back
}
