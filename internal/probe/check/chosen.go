package check

import (
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// chosen reports whether the check is to be made: asked for by its code, or not left out.
func (c Check) chosen(o *facts.Observation, only, skip []string) bool {
	asked := slices.Contains(only, c.Code)
	if len(only) > 0 && !asked || slices.Contains(skip, c.Code) {
		return false
	}
	return asked || c.applies(o)
}

// Wants reports whether one of these checks is to be made. What only they read is not measured otherwise:
// --only and --skip spare a system in trouble the questions, and not only the reader the answers.
func Wants(o *facts.Observation, codes ...string) bool {
	return WantsSome(o, func(c Check) bool { return slices.Contains(codes, c.Code) })
}

// WantsSome reports whether one of the checks that are such is to be made.
func WantsSome(o *facts.Observation, such func(Check) bool) bool {
	return slices.ContainsFunc(Registry(), func(c Check) bool { return such(c) && c.chosen(o, o.Config.Only, o.Config.Skip) })
}

// WantsPrepared reports whether prepared statements are tested. With a mode that prepares by name this test also tells whether the
// mode is safe and whether clients are kept apart.
func WantsPrepared(o *facts.Observation) bool {
	return Wants(o, "HD-P14") || o.Config.ExecMode == "cache_statement" && Wants(o, "HD-P03", "HD-P06")
}

// WantsPair is about whatever needs two connections of its own.
func WantsPair(o *facts.Observation) bool {
	return WantsPrepared(o) || WantsTransfers(o) || Wants(o, "HD-P06", "HD-P08")
}

// WantsTransfers reports whether results of several sizes are transferred.
func WantsTransfers(o *facts.Observation) bool { return Wants(o, "HD-N10", "HD-N11") }

// WantsCounts is about what the pooler counts while the statements run.
func WantsCounts(o *facts.Observation) bool { return Wants(o, "HD-P09", "HD-P10", "HD-P11", "HD-P12") }

// wantsQueue is about who stands in the pooler's queue. A queue is also what makes the network's checks
// hold their tongues.
func wantsQueue(o *facts.Observation) bool {
	return WantsCounts(o) || Wants(o, "HD-P04", "HD-N04", "HD-N05", "HD-N06", "HD-N08")
}

// WantsDistance is about how far the servers are, and how slow.
func WantsDistance(o *facts.Observation) bool {
	return Wants(o, "HD-D24", "HD-N04", "HD-N05", "HD-N08", "HD-P04")
}

// WantsConsole reports whether PgBouncer's console is asked.
func WantsConsole(o *facts.Observation) bool {
	return wantsQueue(o) || WantsPrepared(o) || Wants(o, "HD-P05", "HD-P07", "HD-P13", "HD-C02")
}

// WantsWalls reports whether the statements are run: for the checks of turns and of waits, and for a comparison with a baseline.
func WantsWalls(o *facts.Observation) bool {
	return o.Config.Baseline != nil || wantsQueue(o) || Wants(o, "HD-Q05")
}

// OpensPool reports whether the app's own pool is opened, for whatever runs its statements.
func OpensPool(o *facts.Observation) bool {
	return o.Config.URL != "" && !o.Config.NoAnalyze && (WantsWalls(o) || Wants(o, "HD-P15", "HD-Q19", "HD-D21"))
}

// WantsStatements reports whether the statements are explained: for the checks about queries, and for whatever needs their plans or runs.
func WantsStatements(o *facts.Observation) bool {
	return WantsWalls(o) || WantsSome(o, func(c Check) bool {
		return strings.HasPrefix(c.Code, "HD-Q") || slices.Contains(c.Needs, facts.KnowsPlans) || slices.Contains(c.Needs, facts.KnowsWalls)
	})
}
