package check

import (
	"slices"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Cause is one line of the table of what explains what: where both codes are found, the second is a symptom of the
// first, is listed under it, and is mended with it.
type Cause struct {
	Code     string
	Explains []string
	// When decides for two findings of those codes. A line without it says in enough why the codes alone are.
	When   condition
	enough string
}

// causes is that table. Where several causes explain a finding, the first line that fits is taken; a symptom that
// explains others hands them on to its own cause. What is not certain is left out: a finding that stands for itself keeps
// its remedy, and one that is hidden loses it.
func causes() []Cause {
	return slices.Concat(causesOfReach(), causesOfWays(), causesOfSchema(), causesOfServer(), causesOfStatements(), causesOfCaches(), causesOfTarget())
}

// causesOfReach are about what can't be used at all.
func causesOfReach() []Cause {
	const sameFailure = "both judge the one failure of the app's endpoint"
	const sweepsNeedIt = "a sweep reads the change log through the app's endpoint"
	return []Cause{
		{Code: "HD-N02", Explains: []string{"HD-P01"}, enough: sameFailure},
		{Code: "HD-N03", Explains: []string{"HD-P01"}, enough: sameFailure},
		{Code: "HD-P07", Explains: []string{"HD-P05"}, enough: sameFailure},
		// A direct endpoint that fails as well has a reason of its own.
		{Code: "HD-P07", Explains: []string{"HD-D01"}, When: noSecondOpinion},
		{Code: "HD-D07", Explains: []string{"HD-D01", "HD-D02"}, When: directAdmitsNobody},
		{Code: "HD-D07", Explains: []string{"HD-P05"}, When: nobodyAdmitted},
		{Code: "HD-D07", Explains: []string{"HD-Q06"}, When: symptomIs("53300")},
		{Code: "HD-D01", Explains: []string{"HD-D02"}, When: directIsGoneToo},
		{Code: "HD-D19", Explains: []string{"HD-D02"}, When: both(causeIs(standbyEndpoint), symptomIs(standbyEndpoint))},
		{Code: "HD-R11", Explains: []string{"HD-R01"}, When: redisAdmitsNobody},
		// Nothing behind a database or a pooler that is gone can be well.
		{Code: "HD-D01", Explains: []string{"HD-T02", "HD-T12"}, When: serverLostDatabase},
		{Code: "HD-P01", Explains: []string{"HD-T02", "HD-T12"}, When: serverLostDatabase},
		{Code: "HD-P05", Explains: []string{"HD-T02", "HD-T12"}, When: serverLostDatabase},
		{Code: "HD-K01", Explains: []string{"HD-K03"}, When: samePodNow},
		{Code: "HD-K01", Explains: []string{"HD-T02", "HD-T12"}, When: appRestartsNow},
		{Code: "HD-T02", Explains: []string{"HD-T12"}, When: unavailable},
		{Code: "HD-P01", Explains: []string{"HD-R17"}, enough: sweepsNeedIt},
		{Code: "HD-P05", Explains: []string{"HD-R17"}, enough: sweepsNeedIt},
		{Code: "HD-D01", Explains: []string{"HD-R17"}, enough: sweepsNeedIt},
	}
}

// causesOfWays are about the network and the pooler.
func causesOfWays() []Cause {
	return []Cause{
		// A segment that is lost makes its connection stand still; what stands still varies, and large results suffer most.
		{Code: "HD-N06", Explains: []string{"HD-N05"}, When: lossesCoverStalls},
		{Code: "HD-N06", Explains: []string{"HD-N04"}, When: coversCost},
		{Code: "HD-N06", Explains: []string{"HD-N10"}, When: lostOnTheWayBack},
		{Code: "HD-N05", Explains: []string{"HD-N04"}, When: coversCost},
		{Code: "HD-N05", Explains: []string{"HD-N10"}, When: wideWithoutAStall},
		// The wrong region: every window takes a round trip more to grow.
		{Code: "HD-N08", Explains: []string{"HD-N10"}, When: wideIfNearer},
		// What the server itself is late with is no doing of the network.
		{Code: "HD-D24", Explains: []string{"HD-N04"}, When: both(halfOfCost, poolerSteady)},
		{Code: "HD-D24", Explains: []string{"HD-N05"}, When: pausesLikeStalls},
		{Code: "HD-D24", Explains: []string{"HD-N08"}, When: coversCost},
		{Code: "HD-D24", Explains: []string{"HD-N10"}, When: wideWithoutPauses},
		// A pool that is full makes everybody wait, in the pooler and before it.
		{Code: "HD-P11", Explains: []string{"HD-P04", "HD-P10"}, When: idleMostly},
		{Code: "HD-P11", Explains: []string{"HD-P09"}, When: both(idleMostly, symptomIs(serverConnections))},
		{Code: "HD-P12", Explains: []string{"HD-P04"}, When: replacedAsOftenAsWaited},
		{Code: "HD-P04", Explains: []string{"HD-P09"}, When: symptomIs(serverConnections)},
		{Code: "HD-P04", Explains: []string{"HD-P10"}, enough: "the pooler has one queue for the app's database; the one sees it at the moment, the other in the counts"},
		{Code: "HD-P09", Explains: []string{"HD-P10"}, When: causeIs(serverConnections, databaseConnections)},
		// Who waits in the pooler's queue holds the app's connections for as long.
		{Code: "HD-P04", Explains: []string{"HD-T04"}, When: serverThroughPooler},
		{Code: "HD-C01", Explains: []string{"HD-T04"}, When: fewerThanTuned("DB_MIN_IDLE_CONNS")},
		// What was closed is opened again by the request that needs it.
		{Code: "HD-P13", Explains: []string{"HD-T04"}, When: both(causeIs(facts.IdleSetting), coversCost)},
		{Code: "HD-P02", Explains: []string{"HD-T03"}, enough: "one setting, and the remedy of both in the same words"},
		{Code: "HD-P03", Explains: []string{"HD-P06", "HD-P14"}, enough: "all three judge DB_EXEC_MODE, and in a mode that is safe the first finds nothing"},
	}
}

// causesOfSchema are about what is not there, or is another thing than the migrations make.
func causesOfSchema() []Cause {
	return []Cause{
		{Code: "HD-D03", Explains: []string{"HD-Q01"}, When: madeByPending},
		{Code: "HD-D03", Explains: []string{"HD-Q06", "HD-Q19"}, When: symptomIs(notInSchema()...)},
		{Code: "HD-D03", Explains: []string{"HD-D21"}, When: symptomIs("search_path")},
		{Code: "HD-D19", Explains: []string{"HD-Q19"}, When: symptomIs("25006")},
		{Code: "HD-D21", Explains: []string{"HD-Q19"}, When: both(causeIs("server_encoding"), symptomIs("22P05"))},
		// The self-test has the GRANT for a right that both lack. A table or column that is not there is named by the read alone.
		{Code: "HD-Q19", Explains: []string{"HD-Q06"}, When: both(costlySameTable, unless(symptomIs(notInSchema()...)))},
		{Code: "HD-D03", Explains: []string{"HD-T12"}, When: failsForTheProbeToo},
		// Without an index its table is read from end to end, and that is what takes long.
		{Code: "HD-Q01", Explains: []string{"HD-Q03", "HD-Q04"}, When: costlySameTable},
		{Code: "HD-Q02", Explains: []string{"HD-Q03", "HD-Q04"}, When: costlySameTable},
		{Code: "HD-Q03", Explains: []string{"HD-Q04"}, When: costlySameTable},
		{Code: "HD-Q01", Explains: []string{"HD-Q12", "HD-Q13", "HD-Q17"}, When: costlySameTable},
		{Code: "HD-Q02", Explains: []string{"HD-Q12", "HD-Q13", "HD-Q17"}, When: costlySameTable},
		{Code: "HD-Q07", Explains: []string{"HD-Q03", "HD-Q04", "HD-Q13", "HD-Q17"}, When: costlySameTable},
	}
}

// causesOfServer are about who is at work in Postgres.
func causesOfServer() []Cause {
	return []Cause{
		// Who holds a lock, or a transaction open.
		{Code: "HD-D04", Explains: []string{"HD-D05", "HD-D06"}, When: inTheChain},
		{Code: "HD-D04", Explains: []string{"HD-T12"}, When: readsStandStill},
		{Code: "HD-D06", Explains: []string{"HD-Q08"}, When: outlivesVacuum},
		{Code: "HD-D22", Explains: []string{"HD-D11"}, enough: "a memory that loses what hot statements have just read loses everything else as well"},
		{Code: "HD-D22", Explains: []string{"HD-Q15"}, When: SameThing},
		{Code: "HD-D14", Explains: []string{"HD-D11"}, enough: "a server that has only just started has nothing in its memory, and counts since then only"},
	}
}

// causesOfStatements are about tables and plans: what is wrong with them shows in the statements that read them, and a
// remark explains nothing.
func causesOfStatements() []Cause {
	return []Cause{
		{Code: "HD-Q08", Explains: []string{"HD-Q04", "HD-Q14"}, When: costlySameTable},
		{Code: "HD-Q09", Explains: []string{"HD-Q03", "HD-Q04", "HD-Q12", "HD-Q17"}, When: costlySameTable},
		{Code: "HD-Q10", Explains: []string{"HD-Q04", "HD-Q17"}, When: costlySameTable},
		{Code: "HD-Q11", Explains: []string{"HD-Q04"}, When: costlySameTable},
		{Code: "HD-Q15", Explains: []string{"HD-D11"}, When: both(costly, readsMostBlocks)},

		// The last: others on the server slow down all statements, and not those of one table.
		{Code: "HD-D13", Explains: []string{"HD-Q04"}, When: mostAreSlow},
		{Code: "HD-D13", Explains: []string{"HD-Q16"}, When: mostPlanLong},
		{Code: "HD-D13", Explains: []string{"HD-D24"}, When: othersCompute},
		{Code: "HD-D24", Explains: []string{"HD-Q04"}, When: mostAreSlow},
		{Code: "HD-D24", Explains: []string{"HD-Q16"}, When: mostPlanLong},
	}
}

// causesOfCaches are about Redis and the caches in it: what ails them shows at the server.
func causesOfCaches() []Cause {
	return []Cause{
		{Code: "HD-R02", Explains: []string{"HD-R04"}, enough: "it is the policy that lets a full Redis refuse writes, and the remedy of both is the same"},
		{Code: "HD-R04", Explains: []string{"HD-R19"}, When: symptomIs(string(cache.FaultMemory))},
		{Code: "HD-R14", Explains: []string{"HD-R19"}, When: symptomIs(string(cache.FaultWrites))},
		{Code: "HD-R04", Explains: []string{"HD-R17"}, enough: "a sweep ends by writing its lease to Redis, and a full Redis refuses that"},
		{Code: "HD-R01", Explains: []string{"HD-T07"}, When: notOurURL},
		{Code: "HD-R01", Explains: []string{"HD-T15"}, When: both(notOurURL, serverLosesRedis)},
		{Code: "HD-R11", Explains: []string{"HD-T07"}, When: redisTurnsAway},
		{Code: "HD-R06", Explains: []string{"HD-T15"}, When: both(costly, halfOfCost)},
		// Without Redis, or its lease, a read that could be warm asks the database; the server says itself why.
		{Code: "HD-R01", Explains: []string{"HD-T05"}, When: both(notOurURL, bypassed("redis-"))},
		{Code: "HD-T07", Explains: []string{"HD-T05"}, When: bypassed("redis-")},
		{Code: "HD-R19", Explains: []string{"HD-T05", "HD-T07"}, When: refusedForThat},
		{Code: "HD-R16", Explains: []string{"HD-T05"}, When: bypassed("held")},
		{Code: "HD-R17", Explains: []string{"HD-T05"}, When: bypassed("no-lease")},
		{Code: "HD-T16", Explains: []string{"HD-T05"}, When: bypassed("held", "moved")},
		{Code: "HD-R05", Explains: []string{"HD-T05"}, When: mostAreEvicted},
		{Code: "HD-R01", Explains: []string{"HD-T18"}, When: both(notOurURL, symptomIs(string(cache.Unreached)))},
		{Code: "HD-T07", Explains: []string{"HD-T18"}, When: symptomIs(string(cache.Unreached))},
		{Code: "HD-R17", Explains: []string{"HD-T18"}, When: symptomIs(string(cache.NoLease))},
		{Code: "HD-R05", Explains: []string{"HD-T18"}, When: symptomIs(string(cache.Evicted))},
		{Code: "HD-T18", Explains: []string{"HD-T06"}, When: unexplainedCoverMisses},
		{Code: "HD-R01", Explains: []string{"HD-T06"}, When: both(notOurURL, errorsCoverMisses)},
		{Code: "HD-T07", Explains: []string{"HD-T06"}, When: errorsCoverMisses},
		{Code: "HD-T16", Explains: []string{"HD-T06"}, When: refusalsCoverMisses},
		{Code: "HD-R05", Explains: []string{"HD-T06"}, When: halfOfCost},
		{Code: "HD-T13", Explains: []string{"HD-T06"}, enough: "a cache in the process is that pod's alone and begins empty with it; the remedy replaces that very cache"},
	}
}

// causesOfTarget are about the pods' share of the processor.
func causesOfTarget() []Cause {
	return []Cause{
		{Code: "HD-K02", Explains: []string{"HD-K03"}, When: SameThing},
		{Code: "HD-K02", Explains: []string{"HD-T14"}, When: both(ofAppPod, halfOfCost)},
	}
}
