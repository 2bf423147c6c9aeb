package probe

import (
	"fmt"
	"net"
	"slices"
	"time"
)

func nameFails(o *observation) outcome {
	f := o.pooler.failed
	if f == nil || f.kind != kindName {
		return passed("%s resolves.", orElse(o.pooler.endpoint.Address, "The host of the database URL"))
	}
	return found(hit{evidence: fmt.Sprintf("%s: %s.", o.pooler.endpoint.Address, f), remedy: repair(f, "DATABASE_URL", o.pooler.endpoint.Address)})
}

// dnsLeastMS is what a look-up may take: a resolver that has the answer gives it within a few ms, and in
// a cluster the search list (ndots:5) makes up to five look-ups of one.
const dnsLeastMS = 50

// dnsShare is the share of a round trip from which on a look-up is worth a line.
const dnsShare = 0.5

func slowNames(o *observation) outcome {
	var hits []hit
	var longest float64
	for _, e := range o.endpoints() {
		times := o.lookups[e.Name]
		if len(times) == 0 {
			continue
		}
		took := slices.Min(times)
		longest = max(longest, took)
		if took < max(dnsLeastMS, dnsShare*e.FloorMS) {
			continue
		}
		h := hit{evidence: fmt.Sprintf("The DNS lookup for %s took at least %.0f ms in each of %d lookups; a round trip takes %.1f ms. Each new connection pays this.", e.Name, took, len(times), e.FloorMS)}
		if len(times) == 1 {
			h.severity = Info
			h.evidence = fmt.Sprintf("The DNS lookup for %s took %.0f ms; a round trip takes %.1f ms. It was the only lookup: probe again to see whether each connection pays this.", e.Name, took, e.FloorMS)
		}
		hits = append(hits, h)
	}
	if len(o.lookups) == 0 {
		named := slices.ContainsFunc(o.endpoints(), func(e Endpoint) bool {
			host, _, _ := net.SplitHostPort(e.Address)
			return net.ParseIP(host) == nil
		})
		if named {
			return notKnown("No connection was opened to a host that has a name.")
		}
		return passed("No DNS lookup is needed: the hosts are IP addresses.")
	}
	return orPassed(hits, "The fastest lookup of the slowest host took %.1f ms.", longest)
}

// jitterLeastMS is the variation that a busy machine makes by itself; jitterShare is the share of the
// floor from which on it is the network's: at 110 ms, S15's 200 ms for the 99th percentile of one turn
// leave less than that twice.
const (
	jitterLeastMS = 10
	jitterShare   = 0.25
)

func unsteady(e Endpoint) bool { return e.JitterMS >= jitterLimit(e.FloorMS) }

func jitterLimit(floorMS float64) float64 { return max(jitterLeastMS, jitterShare*floorMS) }

// jitters judges statements that have a server connection: a queue in the pooler is no jitter.
func jitters(o *observation) outcome {
	e := o.pooler.endpoint
	switch {
	case e.FloorMS == 0:
		return notKnown("There was time for only %s, and a median of fewer than %d is not meaningful.", plural(e.FloorSamples, "round trip", "round trips"), leastSamples)
	case !unsteady(e):
		return passed("The median of %d empty queries is %.1f ms above their minimum (floor_ms, %.1f ms).", e.jitterSamples, e.JitterMS, e.FloorMS)
	}
	evidence := fmt.Sprintf("The median of %d empty queries through the pooler is %.1f ms above their minimum (floor_ms, %.1f ms)", e.jitterSamples, e.JitterMS, e.FloorMS)
	if o.direct.answered() {
		evidence += fmt.Sprintf(", to Postgres itself %.1f ms above %.1f ms", o.direct.endpoint.JitterMS, o.direct.endpoint.FloorMS)
	}
	return found(hit{
		evidence: evidence + ".", costMS: e.JitterMS,
		remedy: trace(e.Address) + "   # which hop varies? then kubectl top nodes: a busy node looks the same",
	})
}

// poolerVaries reports whether what the pooler itself answers varies, which no server behind it can make.
func (o *observation) poolerVaries() bool {
	own := o.ways.handshakes
	if len(own) < leastSamples {
		return false
	}
	least := slices.Min(own)
	return median(own)-least >= jitterLimit(least)
}

// queues reports whether statements wait in the pooler: by the evidence of HD-P04 or by that of HD-P10.
func (o *observation) queues() bool {
	if o.heldUp() > 0 || o.pooler.acquireWaitMS() > 0 || len(poolerWait(o).hits) > 0 {
		return true
	}
	d, why := o.counted()
	return why == "" && d.meanWaitMS() >= waitLeastMS
}

// stallLeast is how far above the floor a turn counts as one that stood still: TCP sends a lost segment
// again after 200 ms at the earliest (TCP_RTO_MIN of Linux).
const (
	stallLeast = 200 * time.Millisecond
	stallsMin  = 2
	stallShare = 0.02
)

// stalled sums up the empty queries: how many there were, how many stood still and for how long at the median. Those
// that needed a server connection count only if nobody queues for one. One may be this machine's doing, unless it had no
// answer at all: lost says so.
func (o *observation) stalled() (samples, count int, medianMS float64, lost bool) {
	var longer []time.Duration
	for _, s := range []*pgServer{o.pooler, o.direct} {
		if !s.answered() || s.floor <= 0 {
			continue
		}
		times := s.samples
		if s.pooled && !o.queues() {
			times = slices.Concat(times, s.acquired)
		}
		for _, took := range times {
			samples++
			lost = lost || took >= queryTimeout
			if took >= s.floor+stallLeast {
				longer = append(longer, took-s.floor)
			}
		}
	}
	return samples, len(longer), ms(median(longer)), lost
}

func stalls(o *observation) outcome {
	samples, count, extra, lost := o.stalled()
	switch {
	case samples == 0:
		return notKnown("There was no time to measure round trips.")
	case !lost && (count < stallsMin || float64(count) < stallShare*float64(samples)):
		return passed("%d of %d empty queries took over %d ms longer than the fastest.", count, samples, stallLeast.Milliseconds())
	}
	return found(hit{
		evidence: fmt.Sprintf("%d of %d empty queries stalled for %.0f ms (median).%s", count, samples, extra, o.resent()),
		costMS:   extra * float64(count) / float64(samples),
		remedy:   sentAgain + trace(o.pooler.endpoint.Address) + "   # packet loss, or a host that pauses?",
	})
}

// farLeastMS is a distance that no two hosts of one region have: between zones of a region providers
// promise a few ms, between neighbouring regions it is 10 ms and more.
const farLeastMS = 10

// grownBy is how many times the baseline's round trip is another place and no longer the weather.
const grownBy = 2

// farAway compares the round trip with the baseline's, the pooler's with Postgres' own, and what lies
// between the two. All of them are minimums.
func farAway(o *observation) outcome {
	var hits []hit
	for _, e := range o.endpoints() {
		before, now := o.earlier(e.Name), reachMS(e)
		if before >= 0 && now >= 0 && now >= grownBy*before && now-before >= max(farLeastMS, e.doubtMS()) {
			hits = append(hits, hit{
				evidence: fmt.Sprintf("The fastest response from %s took %.1f ms; in the baseline it took %.1f ms.", e.Name, now, before),
				costMS:   now - before,
			})
		}
	}
	pooler := reachMS(o.pooler.endpoint)
	if len(o.ways.handshakes) > 0 {
		pooler = min(pooler, slices.Min(o.ways.handshakes))
	}
	between := o.pooler.endpoint.FloorMS - pooler
	if o.direct.answered() && pooler >= 0 {
		if direct := reachMS(o.direct.endpoint); direct >= 0 && pooler-direct >= max(farLeastMS, direct/2, o.pooler.endpoint.doubtMS(), o.direct.endpoint.doubtMS()) {
			hits = append(hits, hit{
				evidence: fmt.Sprintf("The fastest response from the pooler took %.1f ms, from Postgres itself %.1f ms: the pooler is in another location.", pooler, direct),
				costMS:   pooler - direct,
			})
		}
	}
	if o.pooler.pooled && pooler >= 0 && between >= max(farLeastMS, pooler/2, o.pooler.endpoint.doubtMS()) {
		hits = append(hits, hit{
			evidence: fmt.Sprintf("The fastest response from the pooler itself took %.1f ms, and from Postgres through it %.1f ms (floor_ms): the two are %.1f ms apart.", pooler, o.pooler.endpoint.FloorMS, between),
			costMS:   between,
		})
	}
	compared := "no baseline was given to compare with"
	if o.config.Baseline != nil {
		compared = "it was about the same in the baseline"
	}
	return orPassed(hits, "The fastest response from the pooler took %.1f ms; %s.", pooler, compared)
}

// steadySamples is of how many the least is as near to the distance as the jitter, whatever makes round trips vary.
const steadySamples = 15

// doubtMS is how much longer than the distance the least of an endpoint's round trips may be.
func (e Endpoint) doubtMS() float64 {
	if !unsteady(e) {
		return 0
	}
	return e.JitterMS * max(1, steadySamples/float64(max(e.FloorSamples, 1)))
}

// reachMS is a round trip to the server that ends the connection: the floor, or the quickest turn of
// connecting, for which nobody queues. -1 if there is none.
func reachMS(e Endpoint) float64 {
	out := -1.0
	if e.FloorMS > 0 {
		out = e.FloorMS
	}
	if e.Name == "redis" || e.Name == "target" {
		return out // what they answer while connecting is their own work
	}
	if each := turnOfConnecting(e); each >= 0 && (out < 0 || each < out) {
		out = each
	}
	return out
}

// turnOfConnecting is the quickest turn of connecting after TCP's own; -1 if there is none.
func turnOfConnecting(e Endpoint) float64 {
	out := -1.0
	for _, p := range e.Phases {
		if p.Turns == 0 || p.Name == "tcp" || p.Name == "earlier_attempts" {
			continue
		}
		if each := p.MS / float64(p.Turns); out < 0 || each < out {
			out = each
		}
	}
	return out
}

// earlier is the baseline's round trip to an endpoint, -1 if it has none.
func (o *observation) earlier(name string) float64 {
	if o.config.Baseline == nil {
		return -1
	}
	for _, e := range o.config.Baseline.Endpoints {
		if e.Name == name && e.Error == "" {
			return reachMS(e)
		}
	}
	return -1
}

func couldBeDirect(o *observation) outcome {
	switch o.ways.directTLS {
	case directTLSSupported:
		return found(hit{evidence: fmt.Sprintf("%s supports sslnegotiation=direct, but DATABASE_URL does not use it: each new connection would save one round trip (%.1f ms).", o.pooler.endpoint.Address, o.pooler.endpoint.FloorMS)})
	case directTLSInUse:
		return passed("sslnegotiation=direct is in use.")
	case directTLSRefused:
		return passed("The server does not support sslnegotiation=direct, so there is nothing to save.")
	}
	if o.pooler.endpoint.TLS == nil {
		return passed("The connection is not encrypted.")
	}
	return notKnown("sslnegotiation=direct could not be tried.")
}
