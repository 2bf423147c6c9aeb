package probe

import (
	"slices"
	"strings"
)

// chosen reports whether the check is to be made: asked for by its code, or not left out.
func (c check) chosen(o *observation, only, skip []string) bool {
	asked := slices.Contains(only, c.code)
	if len(only) > 0 && !asked || slices.Contains(skip, c.code) {
		return false
	}
	return asked || c.applies(o)
}

// wants reports whether one of these checks is to be made. What only they read is not measured otherwise:
// --only and --skip spare a system in trouble the questions, and not only the reader the answers.
func (o *observation) wants(codes ...string) bool {
	return o.wantsSome(func(c check) bool { return slices.Contains(codes, c.code) })
}

// wantsSome reports whether one of the checks that are such is to be made.
func (o *observation) wantsSome(such func(check) bool) bool {
	return slices.ContainsFunc(registry(), func(c check) bool { return such(c) && c.chosen(o, o.config.Only, o.config.Skip) })
}

// wantsPrepared: with a mode that prepares by name the test of prepared statements also tells whether the
// mode is safe and whether clients are kept apart.
func (o *observation) wantsPrepared() bool {
	return o.wants("HD-P14") || o.config.ExecMode == "cache_statement" && o.wants("HD-P03", "HD-P06")
}

// wantsPair is about whatever needs two connections of its own.
func (o *observation) wantsPair() bool {
	return o.wantsPrepared() || o.wantsTransfers() || o.wants("HD-P06", "HD-P08")
}

func (o *observation) wantsTransfers() bool { return o.wants("HD-N10", "HD-N11") }

// wantsCounts is about what the pooler counts while the statements run.
func (o *observation) wantsCounts() bool { return o.wants("HD-P09", "HD-P10", "HD-P11", "HD-P12") }

// wantsQueue is about who stands in the pooler's queue. A queue is also what makes the network's checks
// hold their tongues.
func (o *observation) wantsQueue() bool {
	return o.wantsCounts() || o.wants("HD-P04", "HD-N04", "HD-N05", "HD-N06", "HD-N08")
}

// wantsDistance is about how far the servers are, and how slow.
func (o *observation) wantsDistance() bool {
	return o.wants("HD-D24", "HD-N04", "HD-N05", "HD-N08", "HD-P04")
}

// wantsConsole: with none of these checks PgBouncer's console is left alone.
func (o *observation) wantsConsole() bool {
	return o.wantsQueue() || o.wantsPrepared() || o.wants("HD-P05", "HD-P07", "HD-P13", "HD-C02")
}

// wantsWalls: statements are run for the checks of turns and of waits, and for a comparison with a baseline.
func (o *observation) wantsWalls() bool {
	return o.config.Baseline != nil || o.wantsQueue() || o.wants("HD-Q05")
}

// opensPool: the app's own pool is for whatever runs its statements.
func (o *observation) opensPool() bool {
	return o.config.URL != "" && !o.config.NoAnalyze && (o.wantsWalls() || o.wants("HD-P15", "HD-Q19", "HD-D21"))
}

// wantsStatements: they are explained for the checks about queries, and for whatever needs their plans or runs.
func (o *observation) wantsStatements() bool {
	return o.wantsWalls() || o.wantsSome(func(c check) bool {
		return strings.HasPrefix(c.code, "HD-Q") || slices.Contains(c.needs, knowsPlans) || slices.Contains(c.needs, knowsWalls)
	})
}
