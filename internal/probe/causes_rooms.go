package probe

// causesOfRooms are the lines of the table of causes that lead from one part of the system into another: from the
// network to the pooler, from the pooler to the server, from a table to its statements.
func causesOfRooms() []cause {
	return []cause{
		// Nobody is reached without a name, a certificate, a place in the pooler.
		{code: "HD-N02", explains: []string{"HD-P01"}},
		{code: "HD-N03", explains: []string{"HD-P01"}},
		{code: "HD-P07", explains: []string{"HD-P01", "HD-P05", "HD-D01", "HD-Q06"}},
		{code: "HD-P08", explains: []string{"HD-P01", "HD-P05", "HD-D01"}},
		{code: "HD-D07", explains: []string{"HD-D02", "HD-P05", "HD-Q06"}},
		// A segment that is lost makes its connection stand still; what stands still varies, and large results suffer most.
		{code: "HD-N06", explains: []string{"HD-N04", "HD-N05", "HD-N10"}},
		{code: "HD-N05", explains: []string{"HD-N04", "HD-N10"}},
		// The wrong region: every window takes a round trip more to grow.
		{code: "HD-N08", explains: []string{"HD-N10"}},
		// A pool that is full makes everybody wait, in the pooler and before it.
		{code: "HD-P11", explains: []string{"HD-D05", "HD-P04", "HD-P09", "HD-P10", "HD-T04"}},
		{code: "HD-P12", explains: []string{"HD-P04", "HD-P10"}},
		{code: "HD-P04", explains: []string{"HD-P09", "HD-P10"}},
		{code: "HD-P09", explains: []string{"HD-P10"}},
		{code: "HD-P03", explains: []string{"HD-P06", "HD-P14"}},
		// Who holds a lock, or a transaction open.
		{code: "HD-D04", explains: []string{"HD-D05", "HD-D06"}},
		{code: "HD-D06", explains: []string{"HD-Q08", "HD-D10"}},
		// A database that has just woken has counted little, and is slow at first.
		{code: "HD-D14", explains: []string{"HD-D11", "HD-D12", "HD-Q04"}},
		{code: "HD-D13", explains: []string{"HD-D08", "HD-Q04", "HD-Q16"}},
		// What is wrong with a table or its plans shows in the statements that read it; a remark explains nothing.
		{code: "HD-Q01", explains: []string{"HD-Q12", "HD-Q13", "HD-Q17"}, when: costlySameTable},
		{code: "HD-Q02", explains: []string{"HD-Q12", "HD-Q13", "HD-Q17"}, when: costlySameTable},
		{code: "HD-Q07", explains: []string{"HD-Q03", "HD-Q04", "HD-Q13", "HD-Q17"}, when: costlySameTable},
		{code: "HD-Q08", explains: []string{"HD-Q04", "HD-Q14"}, when: costlySameTable},
		{code: "HD-Q09", explains: []string{"HD-Q03", "HD-Q04", "HD-Q12", "HD-Q17"}, when: costlySameTable},
		{code: "HD-Q10", explains: []string{"HD-Q04", "HD-Q17"}, when: costlySameTable},
		{code: "HD-Q11", explains: []string{"HD-Q04"}, when: costlySameTable},
		{code: "HD-Q15", explains: []string{"HD-D11"}, when: costly},
		{code: "HD-Q15", explains: []string{"HD-Q04"}, when: costlySameTable},
		// What ails Redis shows at the server.
		{code: "HD-R05", explains: []string{"HD-T05", "HD-T06"}},
		{code: "HD-R06", explains: []string{"HD-T15"}},
		{code: "HD-R11", explains: []string{"HD-T07"}},
		{code: "HD-R16", explains: []string{"HD-T05"}},
		{code: "HD-R17", explains: []string{"HD-T05", "HD-T06"}},
		// And so does what ails its pods.
		{code: "HD-K01", explains: []string{"HD-K03", "HD-T02", "HD-T12"}},
		{code: "HD-K02", explains: []string{"HD-K03", "HD-T14"}},
	}
}
