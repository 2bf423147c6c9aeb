package probe_test

import "testing"

// statementFaults are faults of indexes, statistics and plans.
func statementFaults() []fault {
	return []fault{
		{
			name: "the board's indexes are dropped", code: "HD-Q01", evidence: "pays for it", short: true,
			inject: func(t *testing.T, b *bed) {
				exec(t, b.env, "DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx;")
			},
		},
	}
}
