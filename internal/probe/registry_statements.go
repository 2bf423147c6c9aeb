package probe

// statementCauses are what makes hot statements slow without being part of them. They stand after the
// missing and the invalid index (HD-Q01, HD-Q02).
func statementCauses() []check {
	return []check{
		{
			code: "HD-Q07", title: "Wrong index definition: an index differs from its migration", severity: Warning,
			needs: []part{knowsSchema, knowsFacts}, run: wrongIndex,
		},
		{
			code: "HD-Q08", title: "Dead rows: a table needs VACUUM", severity: Warning,
			needs: []part{knowsSchema, knowsFacts}, run: deadRows,
		},
		{
			code: "HD-Q09", title: "Stale statistics: a table needs ANALYZE", severity: Warning,
			needs: []part{knowsSchema, knowsFacts}, run: staleStatistics,
		},
		{
			code: "HD-Q10", title: "Generic plan: statements are planned without their parameter values", severity: Warning,
			needs: []part{knowsPlans, knowsFacts}, run: genericPlan,
		},
		{
			code: "HD-Q12", title: "Row misestimate: the planner expects the wrong number of rows", severity: Warning,
			needs: []part{knowsPlans}, run: misestimate,
		},
		{
			code: "HD-Q11", title: "Spill to disk: a sort or hash exceeds work_mem", severity: Warning,
			needs: []part{knowsPlans}, run: spill,
		},
	}
}

// statementSteps are what a plan itself shows. They stand after the sequential scan (HD-Q03).
func statementSteps() []check {
	return []check{
		{
			code: "HD-Q13", title: "Rows Removed by Filter: a hot statement reads rows and discards them", severity: Warning,
			needs: []part{knowsPlans}, run: discardedRows,
			remedy: "honeydue probe -o json | jq '.hot_paths[].plan'   # add the step's filter columns to an index",
		},
		{
			code: "HD-Q14", title: "Heap fetches: an index-only scan also reads the table", severity: Warning,
			needs: []part{knowsPlans}, run: heapFetched,
		},
		{
			code: "HD-Q15", title: "Cold cache: a hot statement reads pages from disk", severity: Warning,
			needs: []part{knowsPlans}, run: coldReads,
			remedy: "honeydue warmup",
		},
		{
			code: "HD-Q16", title: "Planning time: planning takes longer than execution", severity: Warning,
			needs: []part{knowsPlans}, run: planningDominates,
			remedy: "honeydue probe --only HD-Q18   # drop unneeded indexes, and compare default_statistics_target with its default of 100",
		},
		{
			code: "HD-Q17", title: "Plan change: a hot statement's plan differs from the baseline", severity: Warning,
			needs: []part{knowsPlans, hasBaseline}, run: planDrift,
		},
	}
}

// statementRemarks cost writers something, and no hot statement.
func statementRemarks() []check {
	return []check{
		{
			code: "HD-Q18", title: "Unused or duplicate index: it slows down writes", severity: Warning,
			needs: []part{knowsFacts}, run: needlessIndex,
		},
	}
}
