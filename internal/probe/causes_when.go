package probe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// condition decides for a line of the table of causes and two findings of its codes.
type condition = func(o *observation, cause, symptom Finding) bool

func both(a, b condition) condition {
	return func(o *observation, cause, symptom Finding) bool { return a(o, cause, symptom) && b(o, cause, symptom) }
}

func unless(a condition) condition {
	return func(o *observation, cause, symptom Finding) bool { return !a(o, cause, symptom) }
}

// isAbout reports whether a finding is about one of those.
func (f Finding) isAbout(those ...string) bool {
	return slices.ContainsFunc(f.about, func(s string) bool { return s != "" && slices.Contains(those, s) })
}

func symptomIs(about ...string) condition {
	return func(_ *observation, _, symptom Finding) bool { return symptom.isAbout(about...) }
}

func causeIs(about ...string) condition {
	return func(_ *observation, cause, _ Finding) bool { return cause.isAbout(about...) }
}

// sameThing holds if both findings are about something that they have in common: a table, a pod.
func sameThing(_ *observation, cause, symptom Finding) bool { return cause.isAbout(symptom.about...) }

// costly holds for a cause that is more than a remark.
func costly(_ *observation, cause, _ Finding) bool { return cause.Severity != Info }

func costlySameTable(o *observation, cause, symptom Finding) bool {
	return costly(o, cause, symptom) && sameThing(o, cause, symptom)
}

// coversCost holds if what the cause costs is all that the symptom costs.
func coversCost(_ *observation, cause, symptom Finding) bool {
	return cause.CostMS > 0 && cause.CostMS >= symptom.CostMS
}

// halfOfCost holds if the cause makes at least half of what the symptom costs.
func halfOfCost(_ *observation, cause, symptom Finding) bool {
	return cause.CostMS > 0 && 2*cause.CostMS >= symptom.CostMS
}

func noSecondOpinion(o *observation, _, _ Finding) bool { return o.direct == nil }

func (s *pgServer) admitsNobody() bool {
	return s != nil && s.failed != nil && s.failed.kind == kindTooMany
}

func directAdmitsNobody(o *observation, _, _ Finding) bool { return o.direct.admitsNobody() }

// nobodyAdmitted holds if the server has no connection for the pooler: 95% of its limit would be enough for HD-D07.
func nobodyAdmitted(o *observation, _, _ Finding) bool {
	c := o.server.lastLook().connections()
	return o.pooler.admitsNobody() || c.limit > 0 && c.used >= c.limit
}

// directIsGoneToo holds unless the direct endpoint fails for what its own URL says.
func directIsGoneToo(o *observation, _, _ Finding) bool {
	if o.direct == nil || o.direct.failed == nil {
		return false
	}
	switch kind := o.direct.failed.kind; kind {
	case kindURL, kindName, kindCertificate, kindTLS, kindCredentials, kindDatabase:
		return o.pooler != nil && o.pooler.failed != nil && o.pooler.failed.kind == kind
	}
	return true
}

// notInSchema are the SQLSTATEs for a table, column, function, type or schema that is not there.
func notInSchema() []string { return []string{"42P01", "42703", "42883", "42704", "3F000"} }

// failsForTheProbeToo holds if the server fails inside, and the probe itself has met what the schema lacks.
func failsForTheProbeToo(o *observation, _, symptom Finding) bool {
	return symptom.isAbout("500") && slices.ContainsFunc(o.hot, func(h HotPath) bool { return slices.Contains(notInSchema(), h.sqlState) })
}

// madeByPending holds for an index that a migration makes which is still to be applied.
func madeByPending(o *observation, _, symptom Finding) bool {
	for _, i := range o.expected {
		if symptom.isAbout(i.Name) {
			return slices.Contains(o.pending, i.Migration)
		}
	}
	return false
}

// databaseReason is in what /readyz says where it is the database that the server lacks.
const databaseReason = "database"

// serverLostDatabase holds if the server says itself that it is the database that it lacks.
func serverLostDatabase(o *observation, _, symptom Finding) bool {
	if symptom.Code == "HD-T12" {
		return symptom.isAbout("503") // of the API: database_unavailable
	}
	return o.target != nil && strings.Contains(o.target.Reason, databaseReason)
}

// unavailable holds for a read that was refused as long as the server is not ready.
func unavailable(_ *observation, _, symptom Finding) bool { return symptom.isAbout("503") }

// recentRestart is a restart of this incident: HD-K01 is critical for nothing else.
func recentRestart(f Finding) bool { return f.Severity == Critical }

func samePodNow(o *observation, cause, symptom Finding) bool {
	return recentRestart(cause) && sameThing(o, cause, symptom)
}

func ofAppPod(o *observation, cause, _ Finding) bool {
	return o.cluster != nil && slices.ContainsFunc(o.cluster.pods, func(p podFacts) bool { return p.app() && cause.isAbout(p.Metadata.Name) })
}

// appRestartsNow holds if nobody is there to answer, or who is there has just begun.
func appRestartsNow(o *observation, cause, symptom Finding) bool {
	if !recentRestart(cause) || !ofAppPod(o, cause, symptom) {
		return false
	}
	if symptom.Code == "HD-T12" {
		return symptom.isAbout(noReply, "502", "503", "504")
	}
	return o.target != nil && !strings.Contains(o.target.Reason, databaseReason)
}

// lossesCoverStalls holds if at least as many segments were lost as queries stood still.
func lossesCoverStalls(o *observation, _, _ Finding) bool {
	_, stalls, _, _ := o.stalled()
	n := o.ways.segments
	return n != nil && n.Again+n.Disordered >= int64(stalls)
}

// poolerSteady holds if what the pooler itself answers does not vary.
func poolerSteady(o *observation, _, _ Finding) bool { return !o.poolerVaries() }

// pausesLikeStalls holds if the server stood still for as long as a stall by its own clock.
func pausesLikeStalls(o *observation, _, _ Finding) bool {
	return o.work.longestMS() >= ms(stallLeast)/2
}

// wideWithoutPauses holds if the largest result would have come fast enough without one of the server's pauses.
func wideWithoutPauses(o *observation, _, _ Finding) bool {
	return o.wideWithout(o.work.longestMS())
}

// lostOnTheWayBack: results come that way.
func lostOnTheWayBack(o *observation, _, _ Finding) bool {
	n := o.ways.segments
	return n != nil && lossOf(n.Disordered, n.Received) > 0
}

// wideWithout reports whether the largest result would have come fast enough, had it taken that much less.
func (o *observation) wideWithout(lessMS float64) bool {
	list := o.ways.transfers.list
	return len(list) > 0 && list[len(list)-1].mbit(lessMS) >= leastMbit
}

func wideWithoutAStall(o *observation, _, _ Finding) bool {
	_, _, each, _ := o.stalled()
	return o.wideWithout(each)
}

// windowsGrow is how many round trips the largest result waits for at most while the window grows from ten segments to
// its 100 kB: it doubles each time.
const windowsGrow = 3

func wideIfNearer(o *observation, cause, _ Finding) bool {
	return o.wideWithout(windowsGrow * cause.CostMS)
}

// idleMostly holds if the pool's transactions do nothing for at least half of their time: without that there would be
// as many connections again.
func idleMostly(o *observation, _, _ Finding) bool {
	d, why := o.counted()
	return why == "" && d.lastedMS() > 0 && d.lastedMS() >= 2*d.executedMS()
}

// replacedAsOftenAsWaited holds if each hot path that waited may have met a connection that was being opened.
func replacedAsOftenAsWaited(o *observation, _, _ Finding) bool {
	if o.ways.console == nil || o.starved() > 0 {
		return false
	}
	waited := len(o.poolerWaits())
	gone, fresh := o.ways.console.moved()
	return waited > 0 && min(gone, fresh) >= waited
}

func serverThroughPooler(o *observation, _, _ Finding) bool {
	return o.target != nil && o.target.ThroughPooler != "no"
}

// fewerThanTuned holds if that variable is what drifted, and to less.
func fewerThanTuned(name string) condition {
	return func(o *observation, cause, _ Finding) bool {
		for _, s := range o.config.Settings {
			is, err := strconv.Atoi(s.Value)
			tuned, err2 := strconv.Atoi(s.Tuned)
			if s.Name == name && cause.isAbout(name) {
				return err == nil && err2 == nil && is < tuned
			}
		}
		return false
	}
}

// inTheChain holds for transactions that are all part of the lock chain, which still stands: HD-D04 is critical then.
func inTheChain(_ *observation, cause, symptom Finding) bool {
	outside := func(transaction string) bool { return !cause.isAbout(transaction) }
	return cause.Severity == Critical && len(symptom.about) > 0 && !slices.ContainsFunc(symptom.about, outside)
}

// readsStandStill holds if the server gives no reply, or says that it could not do it in time, while a lock keeps others
// waiting.
func readsStandStill(_ *observation, cause, symptom Finding) bool {
	return cause.Severity == Critical && symptom.isAbout(noReply, "503", "504")
}

// outlivesVacuum holds if each of the tables was vacuumed while the long transaction was already there, in vain.
func outlivesVacuum(o *observation, _, symptom Finding) bool {
	oldest := 0.0
	for _, s := range o.server.lastLook().Sessions {
		if !s.idle() {
			oldest = max(oldest, s.XactS)
		}
	}
	if o.facts == nil || o.server == nil || len(symptom.about) == 0 {
		return false
	}
	for _, table := range symptom.about {
		i := slices.IndexFunc(o.server.tables, func(t tableSpace) bool { return t.Name == table })
		if i < 0 || !o.facts.tables[table].autovacuum {
			return false
		}
		// Tables are read when the window begins, and the transaction is looked at when it ends.
		vacuumed := o.server.tables[i].VacuumedS
		if vacuumed == nil || *vacuumed > oldest-o.server.window.Seconds() {
			return false
		}
	}
	return true
}

// readsMostBlocks holds if half of what came from disk in the window went to the probe's own statements.
func readsMostBlocks(o *observation, _, symptom Finding) bool {
	if o.server == nil || symptom.Severity == Info { // that one is about weeks
		return false
	}
	own := 0.0
	for _, h := range o.hot {
		if h.FirstRun.cold() {
			own += h.FirstRun.ReadBlocks
		}
	}
	return own > 0 && 2*own >= o.server.last.Read-o.server.first.Read
}

// most reports whether at least half of the hot paths that were executed are so.
func (o *observation) most(are func(HotPath) bool) bool {
	ran, n := 0, 0
	for _, h := range o.hot {
		if h.FirstRun == nil {
			continue
		}
		ran++
		if are(h) {
			n++
		}
	}
	return n > 0 && 2*n >= ran
}

// othersCompute holds if others' statements keep as many sessions on a CPU as are a finding, and not waiting for anything.
func othersCompute(o *observation, _, _ Finding) bool {
	if o.server == nil || len(o.server.samples) == 0 {
		return false
	}
	busy := 0
	for _, look := range o.server.samples {
		for _, s := range look.Sessions {
			if s.foreign() && s.WaitType == "" {
				busy++
			}
		}
	}
	return float64(busy) >= foreignBusy*float64(len(o.server.samples))
}

func mostAreSlow(o *observation, _, _ Finding) bool {
	return o.most(func(h HotPath) bool { return h.S14.Status == Fail })
}

func mostPlanLong(o *observation, _, _ Finding) bool {
	return o.most(func(h HotPath) bool { return h.PlanningMS >= planningLeastMS })
}

func (s *redisServer) admitsNobody() bool {
	return s != nil && s.failed != nil && s.failed.kind == kindTooMany
}

func redisAdmitsNobody(o *observation, _, _ Finding) bool { return o.redis.admitsNobody() }

// redisTurnsAway holds if somebody was refused: 80% of the clients would be enough for HD-R11.
func redisTurnsAway(o *observation, _, _ Finding) bool {
	return o.redis.admitsNobody() || o.redis != nil && o.redis.facts != nil && o.redis.facts.grew("rejected_connections") > 0
}

// notOurURL holds unless what fails is how the probe itself was told of Redis. A password is the server's as well.
func notOurURL(o *observation, _, _ Finding) bool {
	return o.redis != nil && o.redis.failed != nil && !slices.Contains([]kind{kindURL, kindName, kindCertificate, kindTLS}, o.redis.failed.kind)
}

// serverLosesRedis holds if the server has counted calls that failed; where it was not asked, if Redis is gone for everybody.
func serverLosesRedis(o *observation, _, _ Finding) bool {
	if o.target != nil && o.target.Metrics != nil {
		return o.target.Metrics.RedisErrorsDuring > 0
	}
	if o.redis == nil || o.redis.failed == nil {
		return false
	}
	return slices.Contains([]kind{kindRefused, kindUnreachable, kindTimeout, kindClosed}, o.redis.failed.kind)
}

// bypassed holds if the server's Cache-Status gives a reason for the read that begins with one of these.
func bypassed(reasons ...string) condition {
	return func(o *observation, _, symptom Finding) bool {
		return o.target != nil && slices.ContainsFunc(o.target.Reads, func(r TargetRead) bool {
			return symptom.isAbout(r.Route) && slices.ContainsFunc(reasons, func(why string) bool {
				return strings.Contains(r.CacheStatus, fmt.Sprintf("detail=%s", why))
			})
		})
	}
}

// refusedForThat holds if the server's Cache-Status gives the very fault that the self-test has met: for the read that
// the symptom is about, or for any where it is about all calls.
func refusedForThat(o *observation, cause, symptom Finding) bool {
	return len(cause.about) > 0 && o.target != nil && slices.ContainsFunc(o.target.Reads, func(r TargetRead) bool {
		return (len(symptom.about) == 0 || symptom.isAbout(r.Route)) && strings.Contains(r.CacheStatus, "detail="+cause.about[0])
	})
}

// mostAreEvicted holds if at least half of the look-ups miss what was evicted: what was stored a moment ago is gone then.
func mostAreEvicted(o *observation, cause, _ Finding) bool {
	return cause.CostMS > 0 && 2*cause.CostMS >= o.turnMS()
}

// misses are those of the caches that a finding is about.
func (o *observation) misses(f Finding) (n int64, known bool) {
	if o.target == nil || o.target.Metrics == nil {
		return 0, false
	}
	for _, c := range o.target.Metrics.Caches {
		if f.isAbout(c.Cache) {
			n, known = n+c.Asked-c.Hits, true
		}
	}
	return n, known
}

// errorsCoverMisses holds if calls to Redis that failed make half of the misses since the server started.
func errorsCoverMisses(o *observation, _, symptom Finding) bool {
	n, known := o.misses(symptom)
	return known && 2*o.target.Metrics.RedisErrors >= n
}

// refusalsCoverMisses holds if lists that could not be stored make a tenth of the misses since the server started. They
// are the reads during which a write began; those that met one under way are bypasses, count as misses, and are several
// times as many (33 beside 255 misses where one list is written all the time).
func refusalsCoverMisses(o *observation, _, symptom Finding) bool {
	n, known := o.misses(symptom)
	return known && float64(o.target.Metrics.FillsRefused) >= refusedShare*float64(n)
}

// unexplainedCoverMisses holds if the misses that no write explains make half of those that the symptom is about.
func unexplainedCoverMisses(o *observation, _, symptom Finding) bool {
	n, known := o.misses(symptom)
	if !known {
		return false
	}
	_, sum, _ := o.target.Metrics.unexplained()
	return 2*sum >= n
}
