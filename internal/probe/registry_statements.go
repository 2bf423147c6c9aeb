package probe

// statementCauses are what makes hot statements slow without being part of them. They stand after the
// missing and the invalid index (HD-Q01, HD-Q02).
func statementCauses() []check {
	return []check{
		{
			code: "HD-Q07", title: "An index is not the one that its name promises", severity: Warning,
			needs: []part{knowsSchema, knowsFacts}, run: wrongIndex,
		},
		{
			code: "HD-Q08", title: "A table is full of dead rows", severity: Warning,
			needs: []part{knowsSchema, knowsFacts}, run: deadRows,
		},
		{
			code: "HD-Q09", title: "A table's statistics are stale", severity: Warning,
			needs: []part{knowsSchema, knowsFacts}, run: staleStatistics,
		},
		{
			code: "HD-Q10", title: "Plans are made without looking at the values", severity: Warning,
			needs: []part{knowsPlans, knowsFacts}, run: genericPlan,
		},
		{
			code: "HD-Q12", title: "A hot statement's rows are misjudged", severity: Warning,
			needs: []part{knowsPlans}, run: misestimate,
		},
		{
			code: "HD-Q11", title: "A hot statement spills to disk", severity: Warning,
			needs: []part{knowsPlans}, run: spill,
		},
	}
}

// statementSteps are what a plan itself shows. They stand after the sequential scan (HD-Q03).
func statementSteps() []check {
	return []check{
		{
			code: "HD-Q13", title: "A hot statement reads rows to throw them away", severity: Warning,
			needs: []part{knowsPlans}, run: discardedRows,
			remedy: "honeydue probe -o json | jq '.hot_paths[].plan'   # the step's condition should be part of an index",
		},
		{
			code: "HD-Q14", title: "An index-only scan goes to the table", severity: Warning,
			needs: []part{knowsPlans}, run: heapFetched,
		},
		{
			code: "HD-Q15", title: "A hot statement's pages are not in memory", severity: Warning,
			needs: []part{knowsPlans}, run: coldReads,
			remedy: "honeydue warmup",
		},
		{
			code: "HD-Q16", title: "Planning takes longer than execution", severity: Warning,
			needs: []part{knowsPlans}, run: planningDominates,
			remedy: "honeydue probe --only HD-Q18   # which indexes does no statement need? And compare default_statistics_target with the default of 100",
		},
		{
			code: "HD-Q17", title: "A hot statement's plan is not the baseline's", severity: Warning,
			needs: []part{knowsPlans, hasBaseline}, run: planDrift,
		},
	}
}

// statementRemarks cost writers something, and no hot statement.
func statementRemarks() []check {
	return []check{
		{
			code: "HD-Q18", title: "An index is needless", severity: Warning,
			needs: []part{knowsFacts}, run: needlessIndex,
		},
	}
}
