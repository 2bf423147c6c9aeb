package probe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

func nameFails(o *observation) outcome {
	f := o.pooler.failed
	if f == nil || f.kind != kindName {
		return passed("%s is found.", orElse(o.pooler.endpoint.Address, "The host of the database URL"))
	}
	return found(hit{evidence: fmt.Sprintf("%s: %s.", o.pooler.endpoint.Address, f)})
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
		took := phaseMS(e, "dns")
		longest = max(longest, took)
		if took >= max(dnsLeastMS, dnsShare*e.FloorMS) && e.Error == "" {
			hits = append(hits, hit{evidence: fmt.Sprintf("Looking up the host of %s took %.0f ms, a round trip takes %.1f ms: each new connection pays it.", e.Name, took, e.FloorMS)})
		}
	}
	return orPassed(hits, "The longest look-up took %.1f ms.", longest)
}

// jitterLeastMS is the variation that a busy machine makes by itself; jitterShare is the share of the
// floor from which on it is the network's: at 110 ms, S15's 200 ms for the 99th percentile of one turn
// leave less than that twice.
const (
	jitterLeastMS = 10
	jitterShare   = 0.25
)

func unsteady(e Endpoint) bool { return e.JitterMS >= max(jitterLeastMS, jitterShare*e.FloorMS) }

// jitters looks at both ways to the database: a queue in the pooler makes its turns vary, too, and not
// those of the direct endpoint.
func jitters(o *observation) outcome {
	e := o.pooler.endpoint
	switch {
	case e.FloorMS == 0:
		return notKnown("There was no time to measure round trips.")
	case !unsteady(e):
		return passed("The median of %d round trips is %.1f ms above the least of %.1f ms.", FloorSamples, e.JitterMS, e.FloorMS)
	case o.queues():
		return notKnown("Clients queue in the pooler; what the network adds can't be told from it.")
	case o.direct.answered() && !unsteady(o.direct.endpoint):
		return passed("The pooler's round trips vary by %.1f ms, those to Postgres itself by %.1f ms: it is not the network.", e.JitterMS, o.direct.endpoint.JitterMS)
	}
	evidence := fmt.Sprintf("The median of %d round trips to the pooler is %.1f ms above the least of %.1f ms", FloorSamples, e.JitterMS, e.FloorMS)
	if o.direct.answered() {
		evidence += fmt.Sprintf(", to Postgres itself %.1f ms above %.1f ms", o.direct.endpoint.JitterMS, o.direct.endpoint.FloorMS)
	}
	return found(hit{evidence: evidence + ".", costMS: e.JitterMS})
}

// queues reports whether something says that statements wait in the pooler.
func (o *observation) queues() bool {
	if o.pools != nil && o.pools.ClientsWaiting > 0 {
		return true
	}
	if c := o.ways.console; c != nil && c.first.ClientsWaiting > 0 {
		return true
	}
	return slices.ContainsFunc(o.hot, func(h HotPath) bool { return h.ResidualName != "" })
}

// stallLeast is how far above the floor a turn counts as one that stood still: TCP sends a lost segment
// again after 200 ms at the earliest (TCP_RTO_MIN of Linux). One may be this machine's own doing.
const (
	stallLeast = 200 * time.Millisecond
	stallsMin  = 2
	stallShare = 0.02
)

// stalled sums up the empty queries: how many there were, how many stood still and for how long at the
// median. With a queue in the pooler only the direct endpoint tells.
func (o *observation) stalled() (samples, count int, medianMS float64) {
	var longer []time.Duration
	for _, s := range []*pgServer{o.pooler, o.direct} {
		if s == nil || s.floor <= 0 || s == o.pooler && o.queues() {
			continue
		}
		for _, took := range s.samples {
			samples++
			if took >= s.floor+stallLeast {
				longer = append(longer, took-s.floor)
			}
		}
	}
	return samples, len(longer), ms(median(longer))
}

func stalls(o *observation) outcome {
	samples, count, extra := o.stalled()
	switch {
	case samples == 0:
		return notKnown("There was no time to measure round trips, or clients queue in the pooler.")
	case count < stallsMin || float64(count) < stallShare*float64(samples):
		return passed("%d of %d empty queries took over %d ms longer than the least.", count, samples, stallLeast.Milliseconds())
	}
	return found(hit{
		evidence: fmt.Sprintf("%d of %d empty queries stood still for %.0f ms (median).%s", count, samples, extra, o.resent()),
		costMS:   extra * float64(count) / float64(samples),
	})
}

// The share of segments sent again that is a bad day on a transatlantic path (link.DefaultLossRate), and
// how many it takes to be more than chance.
const (
	lossShare = 0.01
	lossMin   = 3
)

func (o *observation) resent() string {
	if n := o.ways.segments; n != nil {
		return fmt.Sprintf(" TCP sent %d of %d segments again.", n.Again, n.Sent)
	}
	return ""
}

func packetsLost(o *observation) outcome {
	n := o.ways.segments
	if n == nil {
		return notKnown("The kernel's count of retransmissions can't be read here.")
	}
	share := float64(n.Again) / float64(max(n.Sent, 1))
	if n.Again < lossMin || share < lossShare {
		return passed("TCP sent %d of %d segments again.", n.Again, n.Sent)
	}
	cost := share * (ms(stallLeast) + o.pooler.endpoint.FloorMS)
	evidence := fmt.Sprintf("TCP sent %d of %d segments again (%.0f%%); each costs %d ms or more.", n.Again, n.Sent, 100*share, stallLeast.Milliseconds())
	if samples, count, extra := o.stalled(); count >= stallsMin {
		cost = max(cost, extra*float64(count)/float64(samples))
		evidence += fmt.Sprintf(" %d of %d empty queries stood still for %.0f ms.", count, samples, extra)
	}
	return found(hit{evidence: evidence, costMS: cost})
}

// farLeastMS is a distance that no two hosts of one region have: between zones of a region providers
// promise a few ms, between neighbouring regions it is 10 ms and more.
const farLeastMS = 10

// grownBy is how many times the baseline's round trip is another place and no longer the weather.
const grownBy = 2

// farAway compares the round trip with the baseline's, the pooler's with Postgres' own, and what lies
// between the two.
func farAway(o *observation) outcome {
	var hits []hit
	for _, e := range o.endpoints() {
		before, now := o.earlier(e.Name), reachMS(e)
		if before >= 0 && now >= 0 && now >= grownBy*before && now-before >= farLeastMS {
			hits = append(hits, hit{
				evidence: fmt.Sprintf("A round trip to %s takes %.1f ms, and took %.1f ms when the baseline was saved.", e.Name, now, before),
				costMS:   now - before,
			})
		}
	}
	pooler := reachMS(o.pooler.endpoint)
	between := o.pooler.endpoint.FloorMS - pooler
	if o.direct.answered() && pooler >= 0 {
		if direct := reachMS(o.direct.endpoint); direct >= 0 && pooler-direct >= max(farLeastMS, direct/2) {
			hits = append(hits, hit{
				evidence: fmt.Sprintf("A round trip to the pooler takes %.1f ms, to Postgres itself %.1f ms: the pooler stands elsewhere.", pooler, direct),
				costMS:   pooler - direct,
			})
		}
	}
	if o.pooler.pooled && pooler >= 0 && between >= max(farLeastMS, pooler/2) && !o.queues() {
		hits = append(hits, hit{
			evidence: fmt.Sprintf("The pooler answers in %.1f ms, and Postgres through it in %.1f ms: the two stand %.1f ms apart.", pooler, o.pooler.endpoint.FloorMS, between),
			costMS:   between,
		})
	}
	compared := "no baseline was given to compare with"
	if o.config.Baseline != nil {
		compared = "it was much the same when the baseline was saved"
	}
	return orPassed(hits, "A round trip to the pooler takes %.1f ms; %s.", pooler, compared)
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

// endpoints are all that were tried.
func (o *observation) endpoints() []Endpoint { return o.result().Endpoints }

func phaseMS(e Endpoint, name string) float64 {
	took := 0.0
	for _, p := range e.Phases {
		if p.Name == name {
			took += p.MS
		}
	}
	return took
}

// A board of 200 tasks is a reply of 24 kB (docs/benchmarks.md), and the release gate asks for 50 a
// second (S15): below this band the replies alone would not get through.
const (
	boardKB      = 24
	leastMbit    = boardKB * 8 * 50 / 1000.0
	kbToMbitOfMS = 1024 * 8 / 1000.0 // kB in a ms, as Mbit in a s
)

func narrowBand(o *observation) outcome {
	t := o.ways.transfers
	if len(t.list) == 0 {
		return notKnown("No results were transferred: %s.", orElse(t.failed, "there was no time"))
	}
	large := t.list[len(t.list)-1]
	mbit := kbToMbitOfMS * float64(large.KB) / max(large.HotMS, 0.001)
	if mbit >= leastMbit {
		return passed("A result of %d kB arrives within %.1f ms on a hot connection.", large.KB, large.HotMS)
	}
	return found(hit{
		evidence: fmt.Sprintf("On a hot connection a result of %d kB takes %.0f ms from its first byte to its last: %.1f Mbit/s. The release gate's load of boards needs %.0f Mbit/s.", large.KB, large.HotMS, mbit, leastMbit),
		costMS:   kbToMbitOfMS * boardKB / mbit,
	})
}

func slowStart(o *observation) outcome {
	t := o.ways.transfers
	switch {
	case len(t.list) == 0:
		return notKnown("No results were transferred: %s.", orElse(t.failed, "there was no time"))
	case o.pooler.floor < leastFloor:
		return passed("A round trip takes %.1f ms: one more after idleness would cost no more than that.", o.pooler.endpoint.FloorMS)
	case t.rested != "":
		return notKnown("No result was transferred after idleness: %s.", t.rested)
	case t.list[len(t.list)-1].HotMS > o.pooler.endpoint.FloorMS/2:
		return notKnown("Even a hot connection needs %.0f ms for %d kB: extra round trips can't be told from that.", t.list[len(t.list)-1].HotMS, largeKB)
	}
	var extra []string
	for _, one := range t.list {
		if one.ExtraTurns > 0 {
			extra = append(extra, fmt.Sprintf("%d kB cost %s more", one.KB, plural(one.ExtraTurns, "round trip", "round trips")))
		}
	}
	if len(extra) == 0 {
		return passed("After %.0f s of idleness results of %d, %d and %d kB come as on a hot connection: the window stays open.", idleness.Seconds(), smallKB, mediumKB, largeKB)
	}
	return found(hit{evidence: fmt.Sprintf("After %.0f s of idleness %s (of %.0f ms each) than on a hot connection: the far side closes its window.", idleness.Seconds(), strings.Join(extra, ", "), o.pooler.endpoint.FloorMS)})
}

func couldBeDirect(o *observation) outcome {
	switch o.ways.directTLS {
	case directTLSSupported:
		return found(hit{evidence: fmt.Sprintf("%s takes sslnegotiation=direct, and DATABASE_URL does not ask for it: each new connection would save one round trip (%.1f ms).", o.pooler.endpoint.Address, o.pooler.endpoint.FloorMS)})
	case directTLSInUse:
		return passed("sslnegotiation=direct is in use.")
	case directTLSRefused:
		return passed("The server refuses sslnegotiation=direct; nothing can be saved.")
	}
	if o.pooler.endpoint.TLS == nil {
		return passed("The connection is not encrypted.")
	}
	return notKnown("sslnegotiation=direct could not be tried.")
}

// soon is how long before its end a certificate is a warning: a renewal that runs weekly has failed twice by then.
const soon = 14 * 24 * time.Hour

func certificateRefused(o *observation) outcome {
	f := o.pooler.failed
	if f == nil || f.kind != kindCertificate {
		return passed("It is not.")
	}
	return found(hit{evidence: fmt.Sprintf("%s: %s.%s", o.pooler.endpoint.Address, f, refusedDates(f))})
}

// refusedDates says when a refused certificate is valid.
func refusedDates(f *failure) string {
	var verify *tls.CertificateVerificationError
	if !errors.As(f, &verify) {
		return ""
	}
	t := unverified(verify)
	if t == nil {
		return ""
	}
	return fmt.Sprintf(" It is valid from %s to %s.", t.NotBefore.UTC().Format(time.DateOnly), t.NotAfter.UTC().Format(time.DateOnly))
}

// certificateEnds looks at the dates of every certificate that was seen, and at those that were refused
// by others than the app's endpoint.
func certificateEnds(o *observation) outcome {
	var hits []hit
	now := time.Now()
	first := time.Time{}
	for _, e := range o.endpoints() {
		if e.TLS == nil || e.TLS.NotAfter.IsZero() {
			continue
		}
		if first.IsZero() || e.TLS.NotAfter.Before(first) {
			first = e.TLS.NotAfter
		}
		day := e.TLS.NotAfter.UTC().Format(time.DateOnly)
		switch left := e.TLS.NotAfter.Sub(now); {
		case left <= 0:
			hits = append(hits, hit{evidence: fmt.Sprintf("The certificate of %s has expired on %s; nobody who verifies it can connect.", e.Name, day)})
		case now.Before(e.TLS.NotBefore):
			hits = append(hits, hit{evidence: fmt.Sprintf("The certificate of %s is not valid before %s; nobody who verifies it can connect.", e.Name, e.TLS.NotBefore.UTC().Format(time.DateOnly))})
		case left < soon:
			hits = append(hits, hit{severity: Warning, evidence: fmt.Sprintf("The certificate of %s expires on %s, in %.0f days.", e.Name, day, left.Hours()/24)})
		}
	}
	for _, other := range o.otherFailures() {
		if other.f != nil && other.f.kind == kindCertificate {
			hits = append(hits, hit{evidence: fmt.Sprintf("The certificate of %s is refused: %s.%s", other.name, other.f, refusedDates(other.f))})
		}
	}
	if first.IsZero() {
		return orPassed(hits, "No connection is encrypted.")
	}
	return orPassed(hits, "The first certificate to expire does so on %s.", first.UTC().Format(time.DateOnly))
}

type namedFailure struct {
	name string
	f    *failure
}

// otherFailures are those of the endpoints beside the app's.
func (o *observation) otherFailures() []namedFailure {
	var out []namedFailure
	if o.direct != nil {
		out = append(out, namedFailure{"direct", o.direct.failed})
	}
	if o.redis != nil {
		out = append(out, namedFailure{"redis", o.redis.failed})
	}
	if o.ways.web != nil {
		out = append(out, namedFailure{"target", o.ways.web.failed})
	}
	return out
}
