package probe

import (
	"slices"

	"github.com/honeydue/honeydue/internal/cache"
)

// cause is one line of the table of what explains what: where both codes are found, the second is a symptom of the
// first, is listed under it, and is mended with it.
type cause struct {
	code     string
	explains []string
	// when decides for two findings of those codes. A line without it says in enough why the codes alone are.
	when   condition
	enough string
}

// causes is that table. Where several causes explain a finding, the first line that fits is taken; a symptom that
// explains others hands them on to its own cause. What is not certain is left out: a finding that stands for itself keeps
// its remedy, and one that is hidden loses it.
func causes() []cause {
	return slices.Concat(causesOfReach(), causesOfWays(), causesOfSchema(), causesOfServer(), causesOfStatements(), causesOfCaches(), causesOfTarget())
}

// causesOfReach are about what can't be used at all.
func causesOfReach() []cause {
	const sameFailure = "both judge the one failure of the app's endpoint"
	const sweepsNeedIt = "a sweep reads the change log through the app's endpoint"
	return []cause{
		{code: "HD-N02", explains: []string{"HD-P01"}, enough: sameFailure},
		{code: "HD-N03", explains: []string{"HD-P01"}, enough: sameFailure},
		{code: "HD-P07", explains: []string{"HD-P05"}, enough: sameFailure},
		// A direct endpoint that fails as well has a reason of its own.
		{code: "HD-P07", explains: []string{"HD-D01"}, when: noSecondOpinion},
		{code: "HD-D07", explains: []string{"HD-D01", "HD-D02"}, when: directAdmitsNobody},
		{code: "HD-D07", explains: []string{"HD-P05"}, when: nobodyAdmitted},
		{code: "HD-D07", explains: []string{"HD-Q06"}, when: symptomIs("53300")},
		{code: "HD-D01", explains: []string{"HD-D02"}, when: directIsGoneToo},
		{code: "HD-D19", explains: []string{"HD-D02"}, when: both(causeIs(standbyEndpoint), symptomIs(standbyEndpoint))},
		{code: "HD-R11", explains: []string{"HD-R01"}, when: redisAdmitsNobody},
		// Nothing behind a database or a pooler that is gone can be well.
		{code: "HD-D01", explains: []string{"HD-T02", "HD-T12"}, when: serverLostDatabase},
		{code: "HD-P01", explains: []string{"HD-T02", "HD-T12"}, when: serverLostDatabase},
		{code: "HD-P05", explains: []string{"HD-T02", "HD-T12"}, when: serverLostDatabase},
		{code: "HD-K01", explains: []string{"HD-K03"}, when: samePodNow},
		{code: "HD-K01", explains: []string{"HD-T02", "HD-T12"}, when: appRestartsNow},
		{code: "HD-T02", explains: []string{"HD-T12"}, when: unavailable},
		{code: "HD-P01", explains: []string{"HD-R17"}, enough: sweepsNeedIt},
		{code: "HD-P05", explains: []string{"HD-R17"}, enough: sweepsNeedIt},
		{code: "HD-D01", explains: []string{"HD-R17"}, enough: sweepsNeedIt},
	}
}

// causesOfWays are about the network and the pooler.
func causesOfWays() []cause {
	return []cause{
		// A segment that is lost makes its connection stand still; what stands still varies, and large results suffer most.
		{code: "HD-N06", explains: []string{"HD-N05"}, when: lossesCoverStalls},
		{code: "HD-N06", explains: []string{"HD-N04"}, when: coversCost},
		{code: "HD-N06", explains: []string{"HD-N10"}, when: lostOnTheWayBack},
		{code: "HD-N05", explains: []string{"HD-N04"}, when: coversCost},
		{code: "HD-N05", explains: []string{"HD-N10"}, when: wideWithoutAStall},
		// The wrong region: every window takes a round trip more to grow.
		{code: "HD-N08", explains: []string{"HD-N10"}, when: wideIfNearer},
		// What the server itself is late with is no doing of the network.
		{code: "HD-D24", explains: []string{"HD-N04"}, when: both(halfOfCost, poolerSteady)},
		{code: "HD-D24", explains: []string{"HD-N05"}, when: pausesLikeStalls},
		{code: "HD-D24", explains: []string{"HD-N08"}, when: coversCost},
		{code: "HD-D24", explains: []string{"HD-N10"}, when: wideWithoutPauses},
		// A pool that is full makes everybody wait, in the pooler and before it.
		{code: "HD-P11", explains: []string{"HD-P04", "HD-P10"}, when: idleMostly},
		{code: "HD-P11", explains: []string{"HD-P09"}, when: both(idleMostly, symptomIs(serverConnections))},
		{code: "HD-P12", explains: []string{"HD-P04"}, when: replacedAsOftenAsWaited},
		{code: "HD-P04", explains: []string{"HD-P09"}, when: symptomIs(serverConnections)},
		{code: "HD-P04", explains: []string{"HD-P10"}, enough: "the pooler has one queue for the app's database; the one sees it at the moment, the other in the counts"},
		{code: "HD-P09", explains: []string{"HD-P10"}, when: causeIs(serverConnections, databaseConnections)},
		// Who waits in the pooler's queue holds the app's connections for as long.
		{code: "HD-P04", explains: []string{"HD-T04"}, when: serverThroughPooler},
		{code: "HD-C01", explains: []string{"HD-T04"}, when: fewerThanTuned("DB_MIN_IDLE_CONNS")},
		// What was closed is opened again by the request that needs it.
		{code: "HD-P13", explains: []string{"HD-T04"}, when: both(causeIs(idleSetting), coversCost)},
		{code: "HD-P02", explains: []string{"HD-T03"}, enough: "one setting, and the remedy of both in the same words"},
		{code: "HD-P03", explains: []string{"HD-P06", "HD-P14"}, enough: "all three judge DB_EXEC_MODE, and in a mode that is safe the first finds nothing"},
	}
}

// causesOfSchema are about what is not there, or is another thing than the migrations make.
func causesOfSchema() []cause {
	return []cause{
		{code: "HD-D03", explains: []string{"HD-Q01"}, when: madeByPending},
		{code: "HD-D03", explains: []string{"HD-Q06", "HD-Q19"}, when: symptomIs(notInSchema()...)},
		{code: "HD-D03", explains: []string{"HD-D21"}, when: symptomIs("search_path")},
		{code: "HD-D19", explains: []string{"HD-Q19"}, when: symptomIs("25006")},
		{code: "HD-D21", explains: []string{"HD-Q19"}, when: both(causeIs("server_encoding"), symptomIs("22P05"))},
		// The self-test has the GRANT for a right that both lack. A table or column that is not there is named by the read alone.
		{code: "HD-Q19", explains: []string{"HD-Q06"}, when: both(costlySameTable, unless(symptomIs(notInSchema()...)))},
		{code: "HD-D03", explains: []string{"HD-T12"}, when: failsForTheProbeToo},
		// Without an index its table is read from end to end, and that is what takes long.
		{code: "HD-Q01", explains: []string{"HD-Q03", "HD-Q04"}, when: costlySameTable},
		{code: "HD-Q02", explains: []string{"HD-Q03", "HD-Q04"}, when: costlySameTable},
		{code: "HD-Q03", explains: []string{"HD-Q04"}, when: costlySameTable},
		{code: "HD-Q01", explains: []string{"HD-Q12", "HD-Q13", "HD-Q17"}, when: costlySameTable},
		{code: "HD-Q02", explains: []string{"HD-Q12", "HD-Q13", "HD-Q17"}, when: costlySameTable},
		{code: "HD-Q07", explains: []string{"HD-Q03", "HD-Q04", "HD-Q13", "HD-Q17"}, when: costlySameTable},
	}
}

// causesOfServer are about who is at work in Postgres.
func causesOfServer() []cause {
	return []cause{
		// Who holds a lock, or a transaction open.
		{code: "HD-D04", explains: []string{"HD-D05", "HD-D06"}, when: inTheChain},
		{code: "HD-D04", explains: []string{"HD-T12"}, when: readsStandStill},
		{code: "HD-D06", explains: []string{"HD-Q08"}, when: outlivesVacuum},
		{code: "HD-D22", explains: []string{"HD-D11"}, enough: "a memory that loses what hot statements have just read loses everything else as well"},
		{code: "HD-D22", explains: []string{"HD-Q15"}, when: sameThing},
		{code: "HD-D14", explains: []string{"HD-D11"}, enough: "a server that has only just started has nothing in its memory, and counts since then only"},
	}
}

// causesOfStatements are about tables and plans: what is wrong with them shows in the statements that read them, and a
// remark explains nothing.
func causesOfStatements() []cause {
	return []cause{
		{code: "HD-Q08", explains: []string{"HD-Q04", "HD-Q14"}, when: costlySameTable},
		{code: "HD-Q09", explains: []string{"HD-Q03", "HD-Q04", "HD-Q12", "HD-Q17"}, when: costlySameTable},
		{code: "HD-Q10", explains: []string{"HD-Q04", "HD-Q17"}, when: costlySameTable},
		{code: "HD-Q11", explains: []string{"HD-Q04"}, when: costlySameTable},
		{code: "HD-Q15", explains: []string{"HD-D11"}, when: both(costly, readsMostBlocks)},

		// The last: others on the server slow down all statements, and not those of one table.
		{code: "HD-D13", explains: []string{"HD-Q04"}, when: mostAreSlow},
		{code: "HD-D13", explains: []string{"HD-Q16"}, when: mostPlanLong},
		{code: "HD-D13", explains: []string{"HD-D24"}, when: othersCompute},
		{code: "HD-D24", explains: []string{"HD-Q04"}, when: mostAreSlow},
		{code: "HD-D24", explains: []string{"HD-Q16"}, when: mostPlanLong},
	}
}

// causesOfCaches are about Redis and the caches in it: what ails them shows at the server.
func causesOfCaches() []cause {
	return []cause{
		{code: "HD-R02", explains: []string{"HD-R04"}, enough: "it is the policy that lets a full Redis refuse writes, and the remedy of both is the same"},
		{code: "HD-R04", explains: []string{"HD-R19"}, when: symptomIs(string(cache.FaultMemory))},
		{code: "HD-R14", explains: []string{"HD-R19"}, when: symptomIs(string(cache.FaultWrites))},
		{code: "HD-R04", explains: []string{"HD-R17"}, enough: "a sweep ends by writing its lease to Redis, and a full Redis refuses that"},
		{code: "HD-R01", explains: []string{"HD-T07"}, when: notOurURL},
		{code: "HD-R01", explains: []string{"HD-T15"}, when: both(notOurURL, serverLosesRedis)},
		{code: "HD-R11", explains: []string{"HD-T07"}, when: redisTurnsAway},
		{code: "HD-R06", explains: []string{"HD-T15"}, when: both(costly, halfOfCost)},
		// Without Redis, or its lease, a read that could be warm asks the database; the server says itself why.
		{code: "HD-R01", explains: []string{"HD-T05"}, when: both(notOurURL, bypassed("redis-"))},
		{code: "HD-T07", explains: []string{"HD-T05"}, when: bypassed("redis-")},
		{code: "HD-R19", explains: []string{"HD-T05", "HD-T07"}, when: refusedForThat},
		{code: "HD-R16", explains: []string{"HD-T05"}, when: bypassed("held")},
		{code: "HD-R17", explains: []string{"HD-T05"}, when: bypassed("no-lease")},
		{code: "HD-T16", explains: []string{"HD-T05"}, when: bypassed("held", "moved")},
		{code: "HD-R05", explains: []string{"HD-T05"}, when: mostAreEvicted},
		{code: "HD-R01", explains: []string{"HD-T18"}, when: both(notOurURL, symptomIs(string(cache.Unreached)))},
		{code: "HD-T07", explains: []string{"HD-T18"}, when: symptomIs(string(cache.Unreached))},
		{code: "HD-R17", explains: []string{"HD-T18"}, when: symptomIs(string(cache.NoLease))},
		{code: "HD-R05", explains: []string{"HD-T18"}, when: symptomIs(string(cache.Evicted))},
		{code: "HD-T18", explains: []string{"HD-T06"}, when: unexplainedCoverMisses},
		{code: "HD-R01", explains: []string{"HD-T06"}, when: both(notOurURL, errorsCoverMisses)},
		{code: "HD-T07", explains: []string{"HD-T06"}, when: errorsCoverMisses},
		{code: "HD-T16", explains: []string{"HD-T06"}, when: refusalsCoverMisses},
		{code: "HD-R05", explains: []string{"HD-T06"}, when: halfOfCost},
		{code: "HD-T13", explains: []string{"HD-T06"}, enough: "a cache in the process is that pod's alone and begins empty with it; the remedy replaces that very cache"},
	}
}

// causesOfTarget are about the pods' share of the processor.
func causesOfTarget() []cause {
	return []cause{
		{code: "HD-K02", explains: []string{"HD-K03"}, when: sameThing},
		{code: "HD-K02", explains: []string{"HD-T14"}, when: both(ofAppPod, halfOfCost)},
	}
}
