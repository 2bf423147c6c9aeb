package check

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// redisFullShare: Redis refuses writes above its limit and frees nothing under noeviction; 95% are reached again
// within a moment.
const redisFullShare = 0.95

func redisFull(o *facts.Observation) Outcome {
	r := o.Redis
	if why := r.Why(facts.AskedInfo); why != "" {
		return notKnown("%s", why)
	}
	used, limit := facts.CountedMemory(r.Facts.Last), r.Facts.Count("maxmemory")
	refused := max(0, errorCount(r.Facts.Last["errorstat_OOM"])-errorCount(r.Facts.First["errorstat_OOM"]))
	full := limit > 0 && float64(used) >= redisFullShare*float64(limit) && r.Facts.Last["maxmemory_policy"] == "noeviction"
	if !full && refused == 0 {
		return passed("%d of %d MB are in use, and no write was refused during the probe.%s", used>>20, limit>>20, r.Facts.Aside())
	}
	return found(hit{
		Evidence: fmt.Sprintf("%d of %d MB are in use under %s, with which a full Redis refuses writes: %d were refused during the probe. Nothing new is cached, and no holds can be set.",
			used>>20, limit>>20, r.Facts.Last["maxmemory_policy"], refused),
		CostMS: o.TurnMS(),
	})
}

// errorCount reads INFO's "count=12".
func errorCount(field string) int64 {
	n, _ := strconv.ParseInt(strings.TrimPrefix(field, "count="), 10, 64) // none: 0
	return n
}

// Evictions: one a second, and fewer than nine of ten look-ups find their key. Evicting cold keys is what
// S4 wants; evicting what is asked for again is what costs.
const (
	evictedPerSecond = 1.0
	hitRateWanted    = 0.9
	lookupsFewest    = 50
)

func redisEvictions(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedInfo); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	perSecond := float64(f.Grew("evicted_keys")) / f.Window.Seconds()
	lookups := f.Grew("keyspace_hits") + f.Grew("keyspace_misses")
	rate := float64(f.Grew("keyspace_hits")) / float64(max(1, lookups))
	switch {
	case perSecond < evictedPerSecond:
		return passed("%d keys were evicted in %.1f s.", f.Grew("evicted_keys"), f.Window.Seconds())
	case lookups < lookupsFewest:
		return notKnown("%.0f keys are evicted per second, but there are too few lookups to judge whether they are needed.", perSecond)
	case rate >= hitRateWanted:
		return passed("%.0f keys are evicted per second, and %.0f%% of the lookups still hit.", perSecond, 100*rate)
	}
	return found(hit{
		Evidence: fmt.Sprintf("%.0f keys are evicted per second, and only %.0f%% of the lookups hit: maxmemory of %s is too small for the working set.%s",
			perSecond, 100*rate, facts.Megabytes(float64(f.Count("maxmemory"))), f.Sample.Most()),
		CostMS: (1 - rate) * o.TurnMS(), Remedy: moreMemory(o, f.Count("maxmemory")),
	})
}

// Slow answers: a warm read has 10 ms in all and makes one visit to Redis; one that takes longer than
// cache.DefaultTimeout is given up. One PING in ten above that is more than a machine's hiccup.
const (
	pingSlow     = 10 * time.Millisecond
	pingsGivenUp = 0.1
)

func redisSlow(o *facts.Observation) Outcome {
	r := o.Redis
	if why := r.Why(); why != "" {
		return notKnown("%s", why)
	}
	pings := slices.Concat(r.Samples, r.Facts.Pings) // where each takes long, the floor's are most of them
	if f := cmp.Or(r.Lost, r.Facts.PingFailed); f != nil && !f.OutOfTime() {
		return found(hit{
			Evidence: fmt.Sprintf("%s answered, but one got no answer in %.1f s: %s.", facts.Plural(len(pings), "PING was", "PINGs were"), facts.ReachTimeout.Seconds(), f),
			severity: facts.Critical, CostMS: facts.MS(cache.DefaultTimeout) + o.TurnMS(),
		})
	}
	if len(pings) < 3 {
		return notKnown("Only %s answered.", facts.Plural(len(pings), "PING was", "PINGs were"))
	}
	var lost int
	var sum time.Duration
	for _, p := range pings {
		sum += p
		if p > cache.DefaultTimeout {
			lost++
		}
	}
	middle, worst := facts.Median(pings), slices.Max(pings)
	figures := fmt.Sprintf("%d PINGs took %.1f ms (minimum), %.1f ms (median) and %.1f ms (maximum)", len(pings), facts.MS(slices.Min(pings)), facts.MS(middle), facts.MS(worst))
	if middle < pingSlow && float64(lost) < pingsGivenUp*float64(len(pings)) {
		return passed("%s.", figures)
	}
	h := hit{Evidence: figures + fmt.Sprintf("; %d of them exceeded the app's Redis timeout (%d ms).", lost, cache.DefaultTimeout.Milliseconds()), CostMS: facts.MS(sum) / float64(len(pings))}
	tcp := 0.0
	for _, p := range r.Endpoint.Phases {
		if p.Name == "tcp" {
			tcp = p.MS
		}
	}
	if float64(lost) >= 0.5*float64(len(pings)) {
		h.severity = facts.Critical
	}
	names := r.Facts.SlowCommands()
	switch {
	case middle >= pingSlow && (tcp >= facts.MS(middle)/2 || names == "" && slices.Min(pings) >= middle/2):
		h.Evidence += fmt.Sprintf(" Even the fastest took nearly as long, and a TCP connect took %.1f ms: the network path to Redis is slow, not Redis.", tcp)
		h.Remedy = "kubectl -n honeydue get pods -o wide   # Redis belongs next to the pods: deploy-k3s/base/redis.yaml"
		if why := ownWay(o, tcp >= facts.MS(middle)/2); why != "" {
			h.Evidence += " " + why
			h.severity, h.CostMS = facts.Info, 0
			h.Remedy = "kubectl -n honeydue exec deployment/honeydue -- honeydue probe --only HD-R06   # or give --target and a user's token: the server then reports its own Redis times"
		}
	case names != "":
		h.Evidence += " SLOWLOG shows " + names + "."
	}
	return found(h)
}

// ownWay says why a long way to Redis is the probe's and not the app's; empty if it is the app's. What the running
// server spends on Redis goes first; else a pod has the app's way, and whoever is elsewhere has one of his own: TCP is as
// slow as Redis there, or ends at a tunnel on his own machine.
func ownWay(o *facts.Observation, tcpAsSlow bool) string {
	if o.Target != nil {
		// A server that has given Redis up spends nothing on it.
		if least, ok := redisLeast(o.Target); ok && least > 0 {
			return facts.IfNot(least >= redisMS, fmt.Sprintf("From the running server, Redis takes %.1f ms: only this probe's path to Redis is slow.", least))
		}
	}
	if o.Config.InCluster || !tcpAsSlow && !isLoopback(o.Redis.Endpoint.Address) {
		return ""
	}
	return "The probe does not run in the cluster, so the pods may have a shorter path."
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

func redisSlowLog(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedSlowLog); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	var lately, gaveUp int
	var worst time.Duration
	for _, s := range f.Slow {
		if s.Age > facts.Recent {
			continue
		}
		lately++
		if s.Took >= cache.DefaultTimeout {
			gaveUp++
			worst = max(worst, s.Took)
		}
	}
	evidence := fmt.Sprintf("%s in the last %.0f minutes", facts.Plural(lately, "slow command", "slow commands"), facts.Recent.Minutes())
	if names := f.SlowCommands(); names != "" {
		evidence += ": " + names
	}
	if gaveUp == 0 {
		return passed("%s; none took %d ms, the app's timeout.", evidence, cache.DefaultTimeout.Milliseconds())
	}
	h := hit{Evidence: evidence + fmt.Sprintf(". While one runs, Redis serves no other client: %s longer than the app's timeout (%d ms).",
		facts.Plural(gaveUp, "was", "were"), cache.DefaultTimeout.Milliseconds())}
	if gaveUp == 1 && worst < 2*cache.DefaultTimeout {
		// A node that is short of CPU for a moment makes any command this slow.
		h.severity = facts.Info
	}
	return found(h)
}

func redisLatencyEvents(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedLatency); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	var parts []string
	var worst time.Duration
	for _, e := range f.Latency {
		if e.Age <= facts.Recent && e.Latest >= cache.DefaultTimeout {
			parts = append(parts, fmt.Sprintf("%s took %.0f ms %s ago", commandEvent(e.Name), facts.MS(e.Latest), facts.Seconds(e.Age.Seconds())))
			worst = max(worst, e.Latest)
		}
	}
	if threshold, err := strconv.ParseInt(f.Config["latency-monitor-threshold"], 10, 64); len(parts) == 0 {
		switch {
		case err != nil:
			return notKnown("Redis did not report whether its latency monitor is on.")
		case threshold == 0:
			return notKnown("The latency monitor is off (latency-monitor-threshold 0), so stalls are not recorded.")
		case threshold > cache.DefaultTimeout.Milliseconds():
			return notKnown("The latency monitor records nothing below %d ms (latency-monitor-threshold); the app's timeout is %d ms.", threshold, cache.DefaultTimeout.Milliseconds())
		}
		return passed("The latency monitor recorded nothing of %d ms or more in the last %.0f minutes.", cache.DefaultTimeout.Milliseconds(), facts.Recent.Minutes())
	}
	return found(hit{Evidence: strings.Join(parts, "; ") + "."})
}

// commandEvent lets through the names that Redis gives its events.
func commandEvent(name string) string {
	if name == "" || len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return "an event"
	}
	return name
}

func redisDoctor(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedDoctor); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	if len(f.Doctor) == 0 {
		return passed("MEMORY DOCTOR reports no problem; fragmentation is %s.", cmp.Or(f.Last["mem_fragmentation_ratio"], "unknown"))
	}
	return found(hit{Evidence: fmt.Sprintf("MEMORY DOCTOR reports: %s. %s are in use, %s at the peak, %s resident.", strings.Join(f.Doctor, "; "),
		facts.Megabytes(float64(f.Count("used_memory"))), facts.Megabytes(float64(f.Count("used_memory_peak"))), facts.Megabytes(float64(f.Count("used_memory_rss"))))})
}

// bigKey: at 1 MB one reply occupies a gigabit link for 8 ms, nearly all of what a warm read may take. A
// board of 200 tasks is 63 KB before it is compressed.
const bigKey = 1 << 20

func redisBigKeys(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedKeys); why != "" {
		return notKnown("%s", why)
	}
	s := o.Redis.Facts.Sample
	var parts []string
	var largest int64
	for _, k := range s.Kinds {
		largest = max(largest, k.Largest)
		if k.Largest >= bigKey {
			parts = append(parts, fmt.Sprintf("a key %s takes %s", k.Pattern, facts.Megabytes(float64(k.Largest))))
		}
	}
	of := fmt.Sprintf("%d of %d keys were sampled", s.Looked, s.Keys)
	if len(parts) == 0 {
		return passed("%s; the largest takes %.1f KB.", of, float64(largest)/1024)
	}
	return found(hit{Evidence: strings.Join(parts, "; ") + " (" + of + ")."})
}
