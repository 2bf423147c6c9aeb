package probe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// hashLength is in hexadecimal digits: 48 bits tell a few dozen plans apart.
const hashLength = 12

// Hash names the shape of a plan: its kinds of step, how they are nested, and the tables and indexes they
// use. Costs, rows, times and values are not part of it, so that two runs of the same plan agree.
func (p *Plan) Hash() string {
	if p == nil {
		return ""
	}
	h := sha256.New()
	p.Root.hashInto(h)
	return hex.EncodeToString(h.Sum(nil))[:hashLength]
}

func (n *Node) hashInto(h hash.Hash) {
	fmt.Fprintf(h, "(%q%q%q%q%q%q", n.Type, n.Relationship, n.JoinType, n.Strategy, n.Relation, n.Index)
	for i := range n.Children {
		n.Children[i].hashInto(h)
	}
	fmt.Fprint(h, ")")
}
