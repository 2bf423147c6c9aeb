package check

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// statementCauses are what makes hot statements slow without being part of them. They stand after the
// missing and the invalid index (HD-Q01, HD-Q02).
func statementCauses() []Check {
	return []Check{
		{
			Code: "HD-Q07", title: "Wrong index definition: an index differs from its migration", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsSchema, facts.KnowsFacts}, run: wrongIndex,
		},
		{
			Code: "HD-Q08", title: "Dead rows: a table needs VACUUM", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsSchema, facts.KnowsFacts}, run: deadRows,
		},
		{
			Code: "HD-Q09", title: "Stale statistics: a table needs ANALYZE", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsSchema, facts.KnowsFacts}, run: staleStatistics,
		},
		{
			Code: "HD-Q10", title: "Generic plan: statements are planned without their parameter values", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans, facts.KnowsFacts}, run: GenericPlan,
		},
		{
			Code: "HD-Q12", title: "Row misestimate: the planner expects the wrong number of rows", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans}, run: misestimate,
		},
		{
			Code: "HD-Q11", title: "Spill to disk: a sort or hash exceeds work_mem", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans}, run: spill,
		},
	}
}

// statementSteps are what a plan itself shows. They stand after the sequential scan (HD-Q03).
func statementSteps() []Check {
	return []Check{
		{
			Code: "HD-Q13", title: "Rows Removed by Filter: a hot statement reads rows and discards them", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans}, run: discardedRows,
			remedy: "honeydue probe -o json | jq '.hot_paths[].plan'   # add the step's filter columns to an index",
		},
		{
			Code: "HD-Q14", title: "Heap fetches: an index-only scan also reads the table", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans}, run: heapFetched,
		},
		{
			Code: "HD-Q15", title: "Cold cache: a hot statement reads pages from disk", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans}, run: coldReads,
			remedy: "honeydue warmup",
		},
		{
			Code: "HD-Q16", title: "Planning time: planning takes longer than execution", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans}, run: planningDominates,
			remedy: "honeydue probe --only HD-Q18   # drop unneeded indexes, and compare default_statistics_target with its default of 100",
		},
		{
			Code: "HD-Q17", title: "Plan change: a hot statement's plan differs from the baseline", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans, facts.HasBaseline}, run: planDrift,
		},
	}
}

// statementRemarks cost writers something, and no hot statement.
func statementRemarks() []Check {
	return []Check{
		{
			Code: "HD-Q18", title: "Unused or duplicate index: it slows down writes", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsFacts}, run: needlessIndex,
		},
	}
}
