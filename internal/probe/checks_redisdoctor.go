package probe

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
)

// turnMS is what a request pays when Redis has no answer for it: one turn to the database. Checks run when every
// connection is closed, so that it asks for what was measured.
func (o *observation) turnMS() float64 {
	if o.pooler.answered() {
		return o.pooler.endpoint.FloorMS
	}
	return 0
}

// redisFullShare: Redis refuses writes above its limit and frees nothing under noeviction; 95% are reached again
// within a moment.
const redisFullShare = 0.95

func redisFull(o *observation) outcome {
	r := o.redis
	if why := r.why(askedInfo); why != "" {
		return notKnown("%s", why)
	}
	used, limit := countedMemory(r.facts.last), r.facts.count("maxmemory")
	refused := max(0, errorCount(r.facts.last["errorstat_OOM"])-errorCount(r.facts.first["errorstat_OOM"]))
	full := limit > 0 && float64(used) >= redisFullShare*float64(limit) && r.facts.last["maxmemory_policy"] == "noeviction"
	if !full && refused == 0 {
		return passed("%d of %d MB are in use, and no write was refused during the probe.%s", used>>20, limit>>20, r.facts.aside())
	}
	return found(hit{
		evidence: fmt.Sprintf("%d of %d MB are in use under %s, with which a full Redis refuses writes: %d were refused during the probe. Nothing new is cached, and no holds can be set.",
			used>>20, limit>>20, r.facts.last["maxmemory_policy"], refused),
		costMS: o.turnMS(),
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

func redisEvictions(o *observation) outcome {
	if why := o.redis.why(askedInfo); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	perSecond := float64(f.grew("evicted_keys")) / f.window.Seconds()
	lookups := f.grew("keyspace_hits") + f.grew("keyspace_misses")
	rate := float64(f.grew("keyspace_hits")) / float64(max(1, lookups))
	switch {
	case perSecond < evictedPerSecond:
		return passed("%d keys were evicted in %.1f s.", f.grew("evicted_keys"), f.window.Seconds())
	case lookups < lookupsFewest:
		return notKnown("%.0f keys are evicted per second, but there are too few lookups to judge whether they are needed.", perSecond)
	case rate >= hitRateWanted:
		return passed("%.0f keys are evicted per second, and %.0f%% of the lookups still hit.", perSecond, 100*rate)
	}
	return found(hit{
		evidence: fmt.Sprintf("%.0f keys are evicted per second, and only %.0f%% of the lookups hit: maxmemory of %s is too small for the working set.%s",
			perSecond, 100*rate, megabytes(float64(f.count("maxmemory"))), f.sample.most()),
		costMS: (1 - rate) * o.turnMS(), remedy: o.moreMemory(f.count("maxmemory")),
	})
}

// most says which kind of key takes the most memory; nothing if no key was sampled.
func (s keySample) most() string {
	var first keyKind
	var all int64
	for _, k := range s.kinds {
		all += k.bytes
		if k.bytes > first.bytes {
			first = k
		}
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf(" %d%% of the sampled keys' memory belongs to %s.", 100*first.bytes/all, first.pattern)
}

// Slow answers: a warm read has 10 ms in all and makes one visit to Redis; one that takes longer than
// cache.DefaultTimeout is given up. One PING in ten above that is more than a machine's hiccup.
const (
	pingSlow     = 10 * time.Millisecond
	pingsGivenUp = 0.1
)

func redisSlow(o *observation) outcome {
	r := o.redis
	if why := r.why(); why != "" {
		return notKnown("%s", why)
	}
	pings := slices.Concat(r.samples, r.facts.pings) // where each takes long, the floor's are most of them
	if f := cmp.Or(r.lost, r.facts.pingFailed); f != nil && !f.outOfTime() {
		return found(hit{
			evidence: fmt.Sprintf("%s answered, but one got no answer in %.1f s: %s.", plural(len(pings), "PING was", "PINGs were"), reachTimeout.Seconds(), f),
			severity: Critical, costMS: ms(cache.DefaultTimeout) + o.turnMS(),
		})
	}
	if len(pings) < 3 {
		return notKnown("Only %s answered.", plural(len(pings), "PING was", "PINGs were"))
	}
	var lost int
	var sum time.Duration
	for _, p := range pings {
		sum += p
		if p > cache.DefaultTimeout {
			lost++
		}
	}
	middle, worst := median(pings), slices.Max(pings)
	figures := fmt.Sprintf("%d PINGs took %.1f ms (minimum), %.1f ms (median) and %.1f ms (maximum)", len(pings), ms(slices.Min(pings)), ms(middle), ms(worst))
	if middle < pingSlow && float64(lost) < pingsGivenUp*float64(len(pings)) {
		return passed("%s.", figures)
	}
	h := hit{evidence: figures + fmt.Sprintf("; %d of them exceeded the app's Redis timeout (%d ms).", lost, cache.DefaultTimeout.Milliseconds()), costMS: ms(sum) / float64(len(pings))}
	tcp := 0.0
	for _, p := range r.endpoint.Phases {
		if p.Name == "tcp" {
			tcp = p.MS
		}
	}
	if float64(lost) >= 0.5*float64(len(pings)) {
		h.severity = Critical
	}
	names := r.facts.slowNames()
	switch {
	case middle >= pingSlow && (tcp >= ms(middle)/2 || names == "" && slices.Min(pings) >= middle/2):
		h.evidence += fmt.Sprintf(" Even the fastest took nearly as long, and a TCP connect took %.1f ms: the network path to Redis is slow, not Redis.", tcp)
		h.remedy = "kubectl -n honeydue get pods -o wide   # Redis belongs next to the pods: deploy-k3s/base/redis.yaml"
		if why := o.ownWay(tcp >= ms(middle)/2); why != "" {
			h.evidence += " " + why
			h.severity, h.costMS = Info, 0
			h.remedy = "kubectl -n honeydue exec deployment/honeydue -- honeydue probe --only HD-R06   # or give --target and a user's token: the server then reports its own Redis times"
		}
	case names != "":
		h.evidence += " SLOWLOG shows " + names + "."
	}
	return found(h)
}

// ownWay says why a long way to Redis is the probe's and not the app's; empty if it is the app's. What the running
// server spends on Redis goes first; else a pod has the app's way, and whoever is elsewhere has one of his own: TCP is as
// slow as Redis there, or ends at a tunnel on his own machine.
func (o *observation) ownWay(tcpAsSlow bool) string {
	if o.target != nil {
		// A server that has given Redis up spends nothing on it.
		if least, ok := o.target.redisLeast(); ok && least > 0 {
			return ifNot(least >= redisMS, fmt.Sprintf("From the running server, Redis takes %.1f ms: only this probe's path to Redis is slow.", least))
		}
	}
	if o.config.InCluster || !tcpAsSlow && !isLoopback(o.redis.endpoint.Address) {
		return ""
	}
	return "The probe does not run in the cluster, so the pods may have a shorter path."
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// recent is how far back the slow log and the latency monitor are of interest in an incident.
const recent = 10 * time.Minute

// slowNames lists the recent slow commands by name, each with how often and its longest time.
func (f *redisFacts) slowNames() string {
	counts, worst := map[string]int{}, map[string]time.Duration{}
	for _, s := range f.slow {
		if s.age <= recent {
			counts[s.name]++
			worst[s.name] = max(worst[s.name], s.took)
		}
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if worst[a] != worst[b] {
			return int(worst[b] - worst[a])
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, n := range names[:min(5, len(names))] {
		parts = append(parts, fmt.Sprintf("%s (%d, up to %.0f ms)", n, counts[n], ms(worst[n])))
	}
	return strings.Join(parts, ", ")
}

func redisSlowLog(o *observation) outcome {
	if why := o.redis.why(askedSlowLog); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	var lately, gaveUp int
	var worst time.Duration
	for _, s := range f.slow {
		if s.age > recent {
			continue
		}
		lately++
		if s.took >= cache.DefaultTimeout {
			gaveUp++
			worst = max(worst, s.took)
		}
	}
	evidence := fmt.Sprintf("%s in the last %.0f minutes", plural(lately, "slow command", "slow commands"), recent.Minutes())
	if names := f.slowNames(); names != "" {
		evidence += ": " + names
	}
	if gaveUp == 0 {
		return passed("%s; none took %d ms, the app's timeout.", evidence, cache.DefaultTimeout.Milliseconds())
	}
	h := hit{evidence: evidence + fmt.Sprintf(". While one runs, Redis serves no other client: %s longer than the app's timeout (%d ms).",
		plural(gaveUp, "was", "were"), cache.DefaultTimeout.Milliseconds())}
	if gaveUp == 1 && worst < 2*cache.DefaultTimeout {
		// A node that is short of CPU for a moment makes any command this slow.
		h.severity = Info
	}
	return found(h)
}

func redisLatencyEvents(o *observation) outcome {
	if why := o.redis.why(askedLatency); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	var parts []string
	var worst time.Duration
	for _, e := range f.latency {
		if e.age <= recent && e.latest >= cache.DefaultTimeout {
			parts = append(parts, fmt.Sprintf("%s took %.0f ms %s ago", commandEvent(e.name), ms(e.latest), seconds(e.age.Seconds())))
			worst = max(worst, e.latest)
		}
	}
	if threshold, err := strconv.ParseInt(f.config["latency-monitor-threshold"], 10, 64); len(parts) == 0 {
		switch {
		case err != nil:
			return notKnown("Redis did not report whether its latency monitor is on.")
		case threshold == 0:
			return notKnown("The latency monitor is off (latency-monitor-threshold 0), so stalls are not recorded.")
		case threshold > cache.DefaultTimeout.Milliseconds():
			return notKnown("The latency monitor records nothing below %d ms (latency-monitor-threshold); the app's timeout is %d ms.", threshold, cache.DefaultTimeout.Milliseconds())
		}
		return passed("The latency monitor recorded nothing of %d ms or more in the last %.0f minutes.", cache.DefaultTimeout.Milliseconds(), recent.Minutes())
	}
	return found(hit{evidence: strings.Join(parts, "; ") + "."})
}

// commandEvent lets through the names that Redis gives its events.
func commandEvent(name string) string {
	if name == "" || len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return "an event"
	}
	return name
}

func redisDoctor(o *observation) outcome {
	if why := o.redis.why(askedDoctor); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	if len(f.doctor) == 0 {
		return passed("MEMORY DOCTOR reports no problem; fragmentation is %s.", orElse(f.last["mem_fragmentation_ratio"], "unknown"))
	}
	return found(hit{evidence: fmt.Sprintf("MEMORY DOCTOR reports: %s. %s are in use, %s at the peak, %s resident.", strings.Join(f.doctor, "; "),
		megabytes(float64(f.count("used_memory"))), megabytes(float64(f.count("used_memory_peak"))), megabytes(float64(f.count("used_memory_rss"))))})
}

// bigKey: at 1 MB one reply occupies a gigabit link for 8 ms, nearly all of what a warm read may take. A
// board of 200 tasks is 63 KB before it is compressed.
const bigKey = 1 << 20

func redisBigKeys(o *observation) outcome {
	if why := o.redis.why(askedKeys); why != "" {
		return notKnown("%s", why)
	}
	s := o.redis.facts.sample
	var parts []string
	var largest int64
	for _, k := range s.kinds {
		largest = max(largest, k.largest)
		if k.largest >= bigKey {
			parts = append(parts, fmt.Sprintf("a key %s takes %s", k.pattern, megabytes(float64(k.largest))))
		}
	}
	of := fmt.Sprintf("%d of %d keys were sampled", s.looked, s.keys)
	if len(parts) == 0 {
		return passed("%s; the largest takes %.1f KB.", of, float64(largest)/1024)
	}
	return found(hit{evidence: strings.Join(parts, "; ") + " (" + of + ")."})
}
