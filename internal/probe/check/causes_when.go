package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// condition decides for a line of the table of causes and two findings of its codes.
type condition = func(o *facts.Observation, cause, symptom facts.Finding) bool

func both(a, b condition) condition {
	return func(o *facts.Observation, cause, symptom facts.Finding) bool {
		return a(o, cause, symptom) && b(o, cause, symptom)
	}
}

func unless(a condition) condition {
	return func(o *facts.Observation, cause, symptom facts.Finding) bool { return !a(o, cause, symptom) }
}

func symptomIs(about ...string) condition {
	return func(_ *facts.Observation, _, symptom facts.Finding) bool { return symptom.IsAbout(about...) }
}

func causeIs(about ...string) condition {
	return func(_ *facts.Observation, cause, _ facts.Finding) bool { return cause.IsAbout(about...) }
}

// SameThing holds if both findings are about something that they have in common: a table, a pod.
func SameThing(_ *facts.Observation, cause, symptom facts.Finding) bool {
	return cause.IsAbout(symptom.About...)
}

// costly holds for a cause that is more than a remark.
func costly(_ *facts.Observation, cause, _ facts.Finding) bool { return cause.Severity != facts.Info }

func costlySameTable(o *facts.Observation, cause, symptom facts.Finding) bool {
	return costly(o, cause, symptom) && SameThing(o, cause, symptom)
}

// coversCost holds if what the cause costs is all that the symptom costs.
func coversCost(_ *facts.Observation, cause, symptom facts.Finding) bool {
	return cause.CostMS > 0 && cause.CostMS >= symptom.CostMS
}

// halfOfCost holds if the cause makes at least half of what the symptom costs.
func halfOfCost(_ *facts.Observation, cause, symptom facts.Finding) bool {
	return cause.CostMS > 0 && 2*cause.CostMS >= symptom.CostMS
}

func noSecondOpinion(o *facts.Observation, _, _ facts.Finding) bool { return o.Direct == nil }

func directAdmitsNobody(o *facts.Observation, _, _ facts.Finding) bool {
	return o.Direct.AdmitsNobody()
}

// nobodyAdmitted holds if the server has no connection for the pooler: 95% of its limit would be enough for HD-D07.
func nobodyAdmitted(o *facts.Observation, _, _ facts.Finding) bool {
	c := o.Server.LastLook().Connections()
	return o.Pooler.AdmitsNobody() || c.Limit > 0 && c.Used >= c.Limit
}

// directIsGoneToo holds unless the direct endpoint fails for what its own URL says.
func directIsGoneToo(o *facts.Observation, _, _ facts.Finding) bool {
	if o.Direct == nil || o.Direct.Failed == nil {
		return false
	}
	switch kind := o.Direct.Failed.Kind; kind {
	case facts.KindURL, facts.KindName, facts.KindCertificate, facts.KindTLS, facts.KindCredentials, facts.KindDatabase:
		return o.Pooler != nil && o.Pooler.Failed != nil && o.Pooler.Failed.Kind == kind
	}
	return true
}

// notInSchema are the SQLSTATEs for a table, column, function, type or schema that is not there.
func notInSchema() []string { return []string{"42P01", "42703", "42883", "42704", "3F000"} }

// failsForTheProbeToo holds if the server fails inside, and the probe itself has met what the schema lacks.
func failsForTheProbeToo(o *facts.Observation, _, symptom facts.Finding) bool {
	return symptom.IsAbout("500") && slices.ContainsFunc(o.Hot, func(h facts.HotPath) bool { return slices.Contains(notInSchema(), h.SQLState) })
}

// madeByPending holds for an index that a migration makes which is still to be applied.
func madeByPending(o *facts.Observation, _, symptom facts.Finding) bool {
	for _, i := range o.Expected {
		if symptom.IsAbout(i.Name) {
			return slices.Contains(o.Pending, i.Migration)
		}
	}
	return false
}

// databaseReason is in what /readyz says where it is the database that the server lacks.
const databaseReason = "database"

// serverLostDatabase holds if the server says itself that it is the database that it lacks.
func serverLostDatabase(o *facts.Observation, _, symptom facts.Finding) bool {
	if symptom.Code == "HD-T12" {
		return symptom.IsAbout("503") // of the API: database_unavailable
	}
	return o.Target != nil && strings.Contains(o.Target.Reason, databaseReason)
}

// unavailable holds for a read that was refused as long as the server is not ready.
func unavailable(_ *facts.Observation, _, symptom facts.Finding) bool { return symptom.IsAbout("503") }

// recentRestart is a restart of this incident: HD-K01 is critical for nothing else.
func recentRestart(f facts.Finding) bool { return f.Severity == facts.Critical }

func samePodNow(o *facts.Observation, cause, symptom facts.Finding) bool {
	return recentRestart(cause) && SameThing(o, cause, symptom)
}

func ofAppPod(o *facts.Observation, cause, _ facts.Finding) bool {
	return o.Cluster != nil && slices.ContainsFunc(o.Cluster.Pods, func(p facts.PodFacts) bool { return p.App() && cause.IsAbout(p.Metadata.Name) })
}

// appRestartsNow holds if nobody is there to answer, or who is there has just begun.
func appRestartsNow(o *facts.Observation, cause, symptom facts.Finding) bool {
	if !recentRestart(cause) || !ofAppPod(o, cause, symptom) {
		return false
	}
	if symptom.Code == "HD-T12" {
		return symptom.IsAbout(noReply, "502", "503", "504")
	}
	return o.Target != nil && !strings.Contains(o.Target.Reason, databaseReason)
}

// lossesCoverStalls holds if at least as many segments were lost as queries stood still.
func lossesCoverStalls(o *facts.Observation, _, _ facts.Finding) bool {
	_, stalls, _, _ := stalled(o)
	n := o.Ways.Segments
	return n != nil && n.Again+n.Disordered >= int64(stalls)
}

// poolerSteady holds if what the pooler itself answers does not vary.
func poolerSteady(o *facts.Observation, _, _ facts.Finding) bool { return !poolerVaries(o) }

// pausesLikeStalls holds if the server stood still for as long as a stall by its own clock.
func pausesLikeStalls(o *facts.Observation, _, _ facts.Finding) bool {
	return o.Work.LongestMS() >= facts.MS(stallLeast)/2
}

// wideWithoutPauses holds if the largest result would have come fast enough without one of the server's pauses.
func wideWithoutPauses(o *facts.Observation, _, _ facts.Finding) bool {
	return wideWithout(o, o.Work.LongestMS())
}

// lostOnTheWayBack: results come that way.
func lostOnTheWayBack(o *facts.Observation, _, _ facts.Finding) bool {
	n := o.Ways.Segments
	return n != nil && lossOf(n.Disordered, n.Received) > 0
}

// wideWithout reports whether the largest result would have come fast enough, had it taken that much less.
func wideWithout(o *facts.Observation, lessMS float64) bool {
	list := o.Ways.Transfers.List
	return len(list) > 0 && list[len(list)-1].Mbit(lessMS) >= facts.LeastMbit
}

func wideWithoutAStall(o *facts.Observation, _, _ facts.Finding) bool {
	_, _, each, _ := stalled(o)
	return wideWithout(o, each)
}

// windowsGrow is how many round trips the largest result waits for at most while the window grows from ten segments to
// its 100 kB: it doubles each time.
const windowsGrow = 3

func wideIfNearer(o *facts.Observation, cause, _ facts.Finding) bool {
	return wideWithout(o, windowsGrow*cause.CostMS)
}

// idleMostly holds if the pool's transactions do nothing for at least half of their time: without that there would be
// as many connections again.
func idleMostly(o *facts.Observation, _, _ facts.Finding) bool {
	d, why := o.Counted()
	return why == "" && d.LastedMS() > 0 && d.LastedMS() >= 2*d.ExecutedMS()
}

// replacedAsOftenAsWaited holds if each hot path that waited may have met a connection that was being opened.
func replacedAsOftenAsWaited(o *facts.Observation, _, _ facts.Finding) bool {
	if o.Ways.Console == nil || starved(o) > 0 {
		return false
	}
	waited := len(poolerWaits(o))
	gone, fresh := o.Ways.Console.Moved()
	return waited > 0 && min(gone, fresh) >= waited
}

func serverThroughPooler(o *facts.Observation, _, _ facts.Finding) bool {
	return o.Target != nil && o.Target.ThroughPooler != "no"
}

// fewerThanTuned holds if that variable is what drifted, and to less.
func fewerThanTuned(name string) condition {
	return func(o *facts.Observation, cause, _ facts.Finding) bool {
		for _, s := range o.Config.Settings {
			is, err := strconv.Atoi(s.Value)
			tuned, err2 := strconv.Atoi(s.Tuned)
			if s.Name == name && cause.IsAbout(name) {
				return err == nil && err2 == nil && is < tuned
			}
		}
		return false
	}
}

// inTheChain holds for transactions that are all part of the lock chain, which still stands: HD-D04 is critical then.
func inTheChain(_ *facts.Observation, cause, symptom facts.Finding) bool {
	outside := func(transaction string) bool { return !cause.IsAbout(transaction) }
	return cause.Severity == facts.Critical && len(symptom.About) > 0 && !slices.ContainsFunc(symptom.About, outside)
}

// readsStandStill holds if the server gives no reply, or says that it could not do it in time, while a lock keeps others
// waiting.
func readsStandStill(_ *facts.Observation, cause, symptom facts.Finding) bool {
	return cause.Severity == facts.Critical && symptom.IsAbout(noReply, "503", "504")
}

// outlivesVacuum holds if each of the tables was vacuumed while the long transaction was already there, in vain.
func outlivesVacuum(o *facts.Observation, _, symptom facts.Finding) bool {
	oldest := 0.0
	for _, s := range o.Server.LastLook().Sessions {
		if !s.Idle() {
			oldest = max(oldest, s.XactS)
		}
	}
	if o.Facts == nil || o.Server == nil || len(symptom.About) == 0 {
		return false
	}
	for _, table := range symptom.About {
		i := slices.IndexFunc(o.Server.Tables, func(t facts.TableSpace) bool { return t.Name == table })
		if i < 0 || !o.Facts.Tables[table].Autovacuum {
			return false
		}
		// Tables are read when the window begins, and the transaction is looked at when it ends.
		vacuumed := o.Server.Tables[i].VacuumedS
		if vacuumed == nil || *vacuumed > oldest-o.Server.Window.Seconds() {
			return false
		}
	}
	return true
}

// readsMostBlocks holds if half of what came from disk in the window went to the probe's own statements.
func readsMostBlocks(o *facts.Observation, _, symptom facts.Finding) bool {
	if o.Server == nil || symptom.Severity == facts.Info { // that one is about weeks
		return false
	}
	own := 0.0
	for _, h := range o.Hot {
		if h.FirstRun.Cold() {
			own += h.FirstRun.ReadBlocks
		}
	}
	return own > 0 && 2*own >= o.Server.Last.Read-o.Server.First.Read
}

// most reports whether at least half of the hot paths that were executed are so.
func most(o *facts.Observation, are func(facts.HotPath) bool) bool {
	ran, n := 0, 0
	for _, h := range o.Hot {
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
func othersCompute(o *facts.Observation, _, _ facts.Finding) bool {
	if o.Server == nil || len(o.Server.Samples) == 0 {
		return false
	}
	busy := 0
	for _, look := range o.Server.Samples {
		for _, s := range look.Sessions {
			if s.Foreign() && s.WaitType == "" {
				busy++
			}
		}
	}
	return float64(busy) >= foreignBusy*float64(len(o.Server.Samples))
}

func mostAreSlow(o *facts.Observation, _, _ facts.Finding) bool {
	return most(o, func(h facts.HotPath) bool { return h.S14.Status == facts.Fail })
}

func mostPlanLong(o *facts.Observation, _, _ facts.Finding) bool {
	return most(o, func(h facts.HotPath) bool { return h.PlanningMS >= PlanningLeastMS })
}

func redisAdmitsNobody(o *facts.Observation, _, _ facts.Finding) bool { return o.Redis.AdmitsNobody() }

// redisTurnsAway holds if somebody was refused: 80% of the clients would be enough for HD-R11.
func redisTurnsAway(o *facts.Observation, _, _ facts.Finding) bool {
	return o.Redis.AdmitsNobody() || o.Redis != nil && o.Redis.Facts != nil && o.Redis.Facts.Grew("rejected_connections") > 0
}

// notOurURL holds unless what fails is how the probe itself was told of Redis. A password is the server's as well.
func notOurURL(o *facts.Observation, _, _ facts.Finding) bool {
	return o.Redis != nil && o.Redis.Failed != nil && !slices.Contains([]facts.Kind{facts.KindURL, facts.KindName, facts.KindCertificate, facts.KindTLS}, o.Redis.Failed.Kind)
}

// serverLosesRedis holds if the server has counted calls that failed; where it was not asked, if Redis is gone for everybody.
func serverLosesRedis(o *facts.Observation, _, _ facts.Finding) bool {
	if o.Target != nil && o.Target.Metrics != nil {
		return o.Target.Metrics.RedisErrorsDuring > 0
	}
	if o.Redis == nil || o.Redis.Failed == nil {
		return false
	}
	return slices.Contains([]facts.Kind{facts.KindRefused, facts.KindUnreachable, facts.KindTimeout, facts.KindClosed}, o.Redis.Failed.Kind)
}

// bypassed holds if the server's Cache-Status gives a reason for the read that begins with one of these.
func bypassed(reasons ...string) condition {
	return func(o *facts.Observation, _, symptom facts.Finding) bool {
		return o.Target != nil && slices.ContainsFunc(o.Target.Reads, func(r facts.TargetRead) bool {
			return symptom.IsAbout(r.Route) && slices.ContainsFunc(reasons, func(why string) bool {
				return strings.Contains(r.CacheStatus, fmt.Sprintf("detail=%s", why))
			})
		})
	}
}

// refusedForThat holds if the server's Cache-Status gives the very fault that the self-test has met: for the read that
// the symptom is about, or for any where it is about all calls.
func refusedForThat(o *facts.Observation, cause, symptom facts.Finding) bool {
	return len(cause.About) > 0 && o.Target != nil && slices.ContainsFunc(o.Target.Reads, func(r facts.TargetRead) bool {
		return (len(symptom.About) == 0 || symptom.IsAbout(r.Route)) && strings.Contains(r.CacheStatus, "detail="+cause.About[0])
	})
}

// mostAreEvicted holds if at least half of the look-ups miss what was evicted: what was stored a moment ago is gone then.
func mostAreEvicted(o *facts.Observation, cause, _ facts.Finding) bool {
	return cause.CostMS > 0 && 2*cause.CostMS >= o.TurnMS()
}

// misses are those of the caches that a finding is about.
func misses(o *facts.Observation, f facts.Finding) (n int64, known bool) {
	if o.Target == nil || o.Target.Metrics == nil {
		return 0, false
	}
	for _, c := range o.Target.Metrics.Caches {
		if f.IsAbout(c.Cache) {
			n, known = n+c.Asked-c.Hits, true
		}
	}
	return n, known
}

// errorsCoverMisses holds if calls to Redis that failed make half of the misses since the server started.
func errorsCoverMisses(o *facts.Observation, _, symptom facts.Finding) bool {
	n, known := misses(o, symptom)
	return known && 2*o.Target.Metrics.RedisErrors >= n
}

// refusalsCoverMisses holds if lists that could not be stored make a tenth of the misses since the server started. They
// are the reads during which a write began; those that met one under way are bypasses, count as misses, and are several
// times as many (33 beside 255 misses where one list is written all the time).
func refusalsCoverMisses(o *facts.Observation, _, symptom facts.Finding) bool {
	n, known := misses(o, symptom)
	return known && float64(o.Target.Metrics.FillsRefused) >= refusedShare*float64(n)
}

// unexplainedCoverMisses holds if the misses that no write explains make half of those that the symptom is about.
func unexplainedCoverMisses(o *facts.Observation, _, symptom facts.Finding) bool {
	n, known := misses(o, symptom)
	if !known {
		return false
	}
	_, sum, _ := unexplained(o.Target.Metrics)
	return 2*sum >= n
}
