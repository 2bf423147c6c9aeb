package check

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// The limits of what a running server may take, in ms. A warm read is promised at 10 ms as a whole (p99);
// what takes twice that by itself breaks the promise wherever the client stands.
const (
	warmPromiseMS = 10.0
	ingressMS     = 2 * warmPromiseMS
	appMS         = 2 * warmPromiseMS
	// redisMS is what one visit may take: half of the time-out at which a read goes on without Redis is 25 ms, and
	// the promise allows 10.
	redisMS = warmPromiseMS
	// acquireMS is what borrowing may take. An idle connection is handed over in microseconds.
	acquireMS = 5.0
	// farMS is a round trip that leaves a region.
	farMS = 20.0
)

func targetReadFails(o *facts.Observation) Outcome {
	var hits []hit
	var refused []string
	for _, r := range o.Target.Reads {
		switch {
		case r.Error != "":
			hits = append(hits, hit{Evidence: fmt.Sprintf("%s: %s.", r.Route, r.Error), about: []string{noReply}})
		case r.Status == http.StatusNotFound:
			hits = append(hits, hit{
				Evidence: fmt.Sprintf("%s returns 404: --target is not the address of the API.", r.Route), about: []string{"404"},
				Remedy: "honeydue probe --target http://HOST:8080   # use the public port, not the admin port, and no path",
			})
		case r.Status >= http.StatusInternalServerError:
			hits = append(hits, hit{Evidence: fmt.Sprintf("%s returns %d.", r.Route, r.Status), about: []string{fmt.Sprint(r.Status)}})
		case r.Status != http.StatusOK && r.Status != 0:
			refused = append(refused, fmt.Sprintf("%s returns %d", r.Route, r.Status))
		}
	}
	if len(hits) == 0 && len(refused) > 0 {
		why := "is it a honeydue server?"
		if strings.HasSuffix(refused[0], fmt.Sprint(http.StatusUnauthorized)) {
			why = "the token is not valid there."
		}
		return notKnown("%s: %s", refused[0], why)
	}
	return orPassed(hits, "%s answered.", facts.Plural(len(o.Target.Timed()), "read was", "reads were"))
}

// noReply is what a read is about that nobody answered.
const noReply = "no reply"

// targetAcquires finds requests that waited for a connection: in the probe's own reads, or in what the pool counted.
func targetAcquires(o *facts.Observation) Outcome {
	t := o.Target
	asked := false
	var worst facts.TargetRead
	for _, r := range t.Timed() {
		if r.Explained && r.Turns != nil && *r.Turns > 0 {
			asked = true
			if r.AcquireLeastMS >= worst.AcquireLeastMS {
				worst = r
			}
		}
	}
	full, remedy := "", ""
	if m := t.Metrics; m != nil {
		asked = asked || m.Pool.AcquiresDuring > 0
		full = fmt.Sprintf(" Its pool: %d of %d connections in use; %d of %d acquires waited during the probe, %d of %d since it started, %.1f ms on average.",
			m.Pool.InUse, m.Pool.Max, m.Pool.WaitedDuring, m.Pool.AcquiresDuring, m.Pool.Waited, m.Pool.Acquires, m.Pool.MeanMS)
		remedy = fmt.Sprintf("kubectl -n honeydue set env deployment/honeydue DB_MAX_CONNS=%d   # limited by the pooler's default_pool_size; make the same change in deploy-k3s/base/honeydue.env", 2*m.Pool.Max)
	}
	if worst.AcquireLeastMS >= acquireMS {
		return found(hit{
			Evidence: fmt.Sprintf("%s waited %.1f ms for a connection, and each of its %d responses at least %.1f ms.%s",
				worst.Route, worst.AcquireMS, worst.Runs, worst.AcquireLeastMS, full),
			CostMS: worst.AcquireMS, Remedy: remedy,
		})
	}
	// What the pool has counted since it started has an end of its own: a bad hour that is over is no finding.
	if m := t.Metrics; m != nil && m.Pool.WaitedDuring > 0 && m.Pool.MeanDuringMS >= acquireMS {
		return found(hit{
			Evidence: fmt.Sprintf("Acquiring a connection takes %.1f ms on average.%s", m.Pool.MeanDuringMS, full),
			CostMS:   m.Pool.MeanDuringMS, Remedy: remedy,
		})
	}
	if !asked {
		return notKnown("No read took a database turn, and no acquire was counted: give a user's token with --token-env, or --metrics-url.%s", full)
	}
	return passed("Requests get a connection without waiting.%s", full)
}

func targetWarmTurns(o *facts.Observation) Outcome {
	var hits []hit
	judged := 0
	for _, r := range o.Target.Timed() {
		if !r.Authed || r.Turns == nil {
			continue
		}
		judged++
		// A write of somebody else may cost one read its copy; half of them is no accident.
		if 2*r.OverBudget <= r.Runs {
			continue
		}
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("%s takes %s when warm in %d of %d responses, but its budget is %d (Cache-Status: %s).",
				r.Route, facts.Plural(int(*r.Turns), "turn", "turns"), r.OverBudget, r.Runs, r.TurnsWarm, cmp.Or(r.CacheStatus, "none")),
			CostMS: r.TurnsMS + r.DBRestMS, about: []string{r.Route},
		})
	}
	if len(hits) == 0 && judged == 0 {
		return notKnown("No authenticated read succeeded: give a user's token with --token-env or --tokens.")
	}
	return orPassed(hits, "%s within its turn budget.", facts.Plural(judged, "warm read stays", "warm reads stay"))
}

const noAccount = "The server sent no Server-Timing."

// redisLeast is the least that one of them spent on Redis; false if the server told of none.
func redisLeast(t *facts.Target) (float64, bool) {
	return (&facts.Target{Reads: t.Authed()}).LeastOf(func(r facts.TargetRead) float64 { return r.RedisLeastMS })
}

func targetRedisSlow(o *facts.Observation) Outcome {
	least, ok := redisLeast(o.Target)
	switch {
	case len(o.Target.Authed()) == 0:
		return notKnown("No authenticated read succeeded: give a user's token with --token-env or --tokens.")
	case !ok:
		return notKnown(noAccount)
	case least >= redisMS:
		return found(hit{
			Evidence: fmt.Sprintf("Every read spent at least %.1f ms on Redis; the target for a whole warm read is %.0f ms.", least, warmPromiseMS),
			CostMS:   least,
		})
	}
	return passed("The fastest read spent %.1f ms on Redis.", least)
}

func targetAppSlow(o *facts.Observation) Outcome {
	least, ok := o.Target.LeastOf(func(r facts.TargetRead) float64 { return r.AppLeastMS })
	if !ok {
		return notKnown(noAccount)
	}
	if least >= appMS {
		return found(hit{
			Evidence: fmt.Sprintf("Even the fastest response spent %.1f ms in the server itself, not counting database and Redis.", least),
			CostMS:   least,
		})
	}
	return passed("The fastest response spent %.1f ms in the server itself.", least)
}

// targetIngress agrees with itself only if /livez, for which the server does nothing, takes as long.
func targetIngress(o *facts.Observation) Outcome {
	t := o.Target
	if _, ok := t.LeastOf(func(r facts.TargetRead) float64 { return r.IngressMS }); !ok {
		return notKnown(noAccount)
	}
	idle, cost := t.LiveMS-t.RoundTripMS, t.MedianOf(func(r facts.TargetRead) float64 { return r.IngressMS })
	if idle >= ingressMS && cost >= ingressMS {
		return found(hit{
			Evidence: fmt.Sprintf("TCP connects in %.1f ms and /livez takes %.1f ms; %.1f ms of a read are neither network path nor in the server's own timing.",
				t.RoundTripMS, t.LiveMS, cost),
			CostMS: cost,
		})
	}
	return passed("Proxies in between add %.1f ms to a read.", max(0, cost))
}

func targetFar(o *facts.Observation) Outcome {
	t := o.Target
	wall := t.MedianOf(func(r facts.TargetRead) float64 { return r.WallMS })
	if t.RoundTripMS >= farMS && 2*t.RoundTripMS > wall {
		return found(hit{Evidence: fmt.Sprintf("A round trip to %s takes %.1f ms of a read's %.1f ms: no change on the server can make it faster from here.", t.URL, t.RoundTripMS, wall)})
	}
	return passed("A round trip takes %.1f ms, a read %.1f ms.", t.RoundTripMS, wall)
}

func targetBuilds(o *facts.Observation) Outcome {
	builds := o.Target.Builds
	switch {
	case len(builds) > 1:
		return found(hit{Evidence: fmt.Sprintf("%[2]d versions answered on %[1]d connections: %[3]s.", facts.PodAsks, len(builds), strings.Join(builds, "; "))})
	case len(builds) == 0:
		return notKnown("/readyz reports no version.")
	}
	return passed("Version %s answered on each of %d connections.", builds[0], facts.PodAsks)
}

func targetMode(o *facts.Observation) Outcome {
	is, told := o.Target.ExecMode, o.Config.ExecMode
	switch {
	case is == "" || told == "" || o.Config.URL == "":
		return notKnown("The modes cannot be compared: the server's is %s, the environment's %s.", shown(is), shown(told))
	case is != told:
		return found(hit{Evidence: fmt.Sprintf("The server runs in mode %s, but the environment has %s: it was started with different settings from those checked here.", is, told)})
	}
	return passed("It runs in mode %s, the same as the environment.", is)
}

func targetWithoutRedis(o *facts.Observation) Outcome {
	switch {
	case o.Target.Cache == "":
		return notKnown("/readyz does not report where the cache is.")
	case o.Target.Cache == "in_process" && o.Config.RedisURL != "":
		return found(hit{Evidence: "/readyz reports an in-process cache, although REDIS_URL is set here. With several pods, each has its own copies and does not see writes on the others."})
	}
	return passed("Its cache is %s.", o.Target.Cache)
}

func targetDown(o *facts.Observation) Outcome {
	if o.TargetFailed != nil {
		return found(hit{Evidence: fmt.Sprintf("%s: %s.", o.Target.URL, o.TargetFailed), Remedy: RepairTarget(o.TargetFailed, o.Target.URL)})
	}
	return passed("/readyz responds in %.1f ms, %.1f ms including the connection.", o.Target.WarmMS, o.Target.FirstMS)
}

func targetNotReady(o *facts.Observation) Outcome {
	if o.Target.Ready {
		return passed("/readyz reports ready.")
	}
	evidence := fmt.Sprintf("/readyz returns %d", o.Target.StatusCode)
	if o.Target.Reason != "" {
		evidence += ": " + o.Target.Reason
	}
	if o.Target.StatusCode == http.StatusNotFound {
		return found(hit{Evidence: evidence + ": there is no honeydue server at that address, or the URL has a path.", Remedy: "honeydue probe --target http://HOST:8080   # no path"})
	}
	return found(hit{Evidence: evidence + "."})
}

func targetBypassesPooler(o *facts.Observation) Outcome {
	switch o.Target.ThroughPooler {
	case "yes":
		return passed("It has verified that it uses a pooler.")
	case "no":
		return found(hit{Evidence: "/readyz reports that its connections go to Postgres directly."})
	}
	return notKnown("/readyz does not report how the database is reached.")
}
