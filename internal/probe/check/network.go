package check

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

func nameFails(o *facts.Observation) Outcome {
	f := o.Pooler.Failed
	if f == nil || f.Kind != facts.KindName {
		return passed("%s resolves.", cmp.Or(o.Pooler.Endpoint.Address, "The host of the database URL"))
	}
	return found(hit{Evidence: fmt.Sprintf("%s: %s.", o.Pooler.Endpoint.Address, f), Remedy: Repair(f, "DATABASE_URL", o.Pooler.Endpoint.Address)})
}

// dnsLeastMS is what a look-up may take: a resolver that has the answer gives it within a few ms, and in
// a cluster the search list (ndots:5) makes up to five look-ups of one.
const dnsLeastMS = 50

// dnsShare is the share of a round trip from which on a look-up is worth a line.
const dnsShare = 0.5

func slowNames(o *facts.Observation) Outcome {
	var hits []hit
	var longest float64
	for _, e := range o.Endpoints() {
		times := o.Lookups[e.Name]
		if len(times) == 0 {
			continue
		}
		took := slices.Min(times)
		longest = max(longest, took)
		if took < max(dnsLeastMS, dnsShare*e.FloorMS) {
			continue
		}
		h := hit{Evidence: fmt.Sprintf("The DNS lookup for %s took at least %.0f ms in each of %d lookups; a round trip takes %.1f ms. Each new connection pays this.", e.Name, took, len(times), e.FloorMS)}
		if len(times) == 1 {
			h.severity = facts.Info
			h.Evidence = fmt.Sprintf("The DNS lookup for %s took %.0f ms; a round trip takes %.1f ms. It was the only lookup: probe again to see whether each connection pays this.", e.Name, took, e.FloorMS)
		}
		hits = append(hits, h)
	}
	if len(o.Lookups) == 0 {
		named := slices.ContainsFunc(o.Endpoints(), func(e facts.Endpoint) bool {
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

func unsteady(e facts.Endpoint) bool { return e.JitterMS >= jitterLimit(e.FloorMS) }

func jitterLimit(floorMS float64) float64 { return max(jitterLeastMS, jitterShare*floorMS) }

// jitters judges statements that have a server connection: a queue in the pooler is no jitter.
func jitters(o *facts.Observation) Outcome {
	e := o.Pooler.Endpoint
	switch {
	case e.FloorMS == 0:
		return notKnown("There was time for only %s, and a median of fewer than %d is not meaningful.", facts.Plural(e.FloorSamples, "round trip", "round trips"), facts.LeastSamples)
	case !unsteady(e):
		return passed("The median of %d empty queries is %.1f ms above their minimum (floor_ms, %.1f ms).", e.JitterSamples, e.JitterMS, e.FloorMS)
	}
	evidence := fmt.Sprintf("The median of %d empty queries through the pooler is %.1f ms above their minimum (floor_ms, %.1f ms)", e.JitterSamples, e.JitterMS, e.FloorMS)
	if o.Direct.Answered() {
		evidence += fmt.Sprintf(", to Postgres itself %.1f ms above %.1f ms", o.Direct.Endpoint.JitterMS, o.Direct.Endpoint.FloorMS)
	}
	return found(hit{
		Evidence: evidence + ".", CostMS: e.JitterMS,
		Remedy: trace(e.Address) + "   # which hop varies? then kubectl top nodes: a busy node looks the same",
	})
}

// poolerVaries reports whether what the pooler itself answers varies, which no server behind it can make.
func poolerVaries(o *facts.Observation) bool {
	own := o.Ways.Handshakes
	if len(own) < facts.LeastSamples {
		return false
	}
	least := slices.Min(own)
	return facts.Median(own)-least >= jitterLimit(least)
}

// queues reports whether statements wait in the pooler: by the evidence of HD-P04 or by that of HD-P10.
func queues(o *facts.Observation) bool {
	if heldUp(o) > 0 || o.Pooler.AcquireWaitMS() > 0 || len(poolerWait(o).Hits) > 0 {
		return true
	}
	d, why := o.Counted()
	return why == "" && MeanWaitMS(d) >= waitLeastMS
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
func stalled(o *facts.Observation) (samples, count int, medianMS float64, lost bool) {
	var longer []time.Duration
	for _, s := range []*facts.PGServer{o.Pooler, o.Direct} {
		if !s.Answered() || s.Floor <= 0 {
			continue
		}
		times := s.Samples
		if s.Pooled && !queues(o) {
			times = slices.Concat(times, s.Acquired)
		}
		for _, took := range times {
			samples++
			lost = lost || took >= facts.QueryTimeout
			if took >= s.Floor+stallLeast {
				longer = append(longer, took-s.Floor)
			}
		}
	}
	return samples, len(longer), facts.MS(facts.Median(longer)), lost
}

func stalls(o *facts.Observation) Outcome {
	samples, count, extra, lost := stalled(o)
	switch {
	case samples == 0:
		return notKnown("There was no time to measure round trips.")
	case !lost && (count < stallsMin || float64(count) < stallShare*float64(samples)):
		return passed("%d of %d empty queries took over %d ms longer than the fastest.", count, samples, stallLeast.Milliseconds())
	}
	return found(hit{
		Evidence: fmt.Sprintf("%d of %d empty queries stalled for %.0f ms (median).%s", count, samples, extra, resent(o)),
		CostMS:   extra * float64(count) / float64(samples),
		Remedy:   sentAgain + trace(o.Pooler.Endpoint.Address) + "   # packet loss, or a host that pauses?",
	})
}

// FarLeastMS is a distance that no two hosts of one region have: between zones of a region providers
// promise a few ms, between neighbouring regions it is 10 ms and more.
const FarLeastMS = 10

// grownBy is how many times the baseline's round trip is another place and no longer the weather.
const grownBy = 2

// FarAway compares the round trip with the baseline's, the pooler's with Postgres' own, and what lies
// between the two. All of them are minimums.
func FarAway(o *facts.Observation) Outcome {
	var hits []hit
	for _, e := range o.Endpoints() {
		before, now := earlier(o, e.Name), reachMS(e)
		if before >= 0 && now >= 0 && now >= grownBy*before && now-before >= max(FarLeastMS, doubtMS(e)) {
			hits = append(hits, hit{
				Evidence: fmt.Sprintf("The fastest response from %s took %.1f ms; in the baseline it took %.1f ms.", e.Name, now, before),
				CostMS:   now - before,
			})
		}
	}
	pooler := reachMS(o.Pooler.Endpoint)
	if len(o.Ways.Handshakes) > 0 {
		pooler = min(pooler, slices.Min(o.Ways.Handshakes))
	}
	between := o.Pooler.Endpoint.FloorMS - pooler
	if o.Direct.Answered() && pooler >= 0 {
		if direct := reachMS(o.Direct.Endpoint); direct >= 0 && pooler-direct >= max(FarLeastMS, direct/2, doubtMS(o.Pooler.Endpoint), doubtMS(o.Direct.Endpoint)) {
			hits = append(hits, hit{
				Evidence: fmt.Sprintf("The fastest response from the pooler took %.1f ms, from Postgres itself %.1f ms: the pooler is in another location.", pooler, direct),
				CostMS:   pooler - direct,
			})
		}
	}
	if o.Pooler.Pooled && pooler >= 0 && between >= max(FarLeastMS, pooler/2, doubtMS(o.Pooler.Endpoint)) {
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("The fastest response from the pooler itself took %.1f ms, and from Postgres through it %.1f ms (floor_ms): the two are %.1f ms apart.", pooler, o.Pooler.Endpoint.FloorMS, between),
			CostMS:   between,
		})
	}
	compared := "no baseline was given to compare with"
	if o.Config.Baseline != nil {
		compared = "it was about the same in the baseline"
	}
	return orPassed(hits, "The fastest response from the pooler took %.1f ms; %s.", pooler, compared)
}

// steadySamples is of how many the least is as near to the distance as the jitter, whatever makes round trips vary.
const steadySamples = 15

// doubtMS is how much longer than the distance the least of an endpoint's round trips may be.
func doubtMS(e facts.Endpoint) float64 {
	if !unsteady(e) {
		return 0
	}
	return e.JitterMS * max(1, steadySamples/float64(max(e.FloorSamples, 1)))
}

// reachMS is a round trip to the server that ends the connection: the floor, or the quickest turn of
// connecting, for which nobody queues. -1 if there is none.
func reachMS(e facts.Endpoint) float64 {
	out := -1.0
	if e.FloorMS > 0 {
		out = e.FloorMS
	}
	if e.Name == "redis" || e.Name == "target" {
		return out // what they answer while connecting is their own work
	}
	if each := TurnOfConnecting(e); each >= 0 && (out < 0 || each < out) {
		out = each
	}
	return out
}

// TurnOfConnecting is the quickest turn of connecting after TCP's own; -1 if there is none.
func TurnOfConnecting(e facts.Endpoint) float64 {
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
func earlier(o *facts.Observation, name string) float64 {
	if o.Config.Baseline == nil {
		return -1
	}
	for _, e := range o.Config.Baseline.Endpoints {
		if e.Name == name && e.Error == "" {
			return reachMS(e)
		}
	}
	return -1
}

func couldBeDirect(o *facts.Observation) Outcome {
	switch o.Ways.DirectTLS {
	case facts.DirectTLSSupported:
		return found(hit{Evidence: fmt.Sprintf("%s supports sslnegotiation=direct, but DATABASE_URL does not use it: each new connection would save one round trip (%.1f ms).", o.Pooler.Endpoint.Address, o.Pooler.Endpoint.FloorMS)})
	case facts.DirectTLSInUse:
		return passed("sslnegotiation=direct is in use.")
	case facts.DirectTLSRefused:
		return passed("The server does not support sslnegotiation=direct, so there is nothing to save.")
	}
	if o.Pooler.Endpoint.TLS == nil {
		return passed("The connection is not encrypted.")
	}
	return notKnown("sslnegotiation=direct could not be tested.")
}
