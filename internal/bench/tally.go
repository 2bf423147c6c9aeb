package bench

import (
	"maps"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// maxTurns bounds the count of turns; more count as so many.
const maxTurns = 255

// tally is everything that is kept of a phase while it runs. Its size does not
// grow with the requests.
type tally struct {
	want    State
	target  time.Duration
	timeout time.Duration

	all     figures
	writes  *figures     // those of Shot.Aside; nil until there is one
	unmade  map[Kind]int // of these, why they failed
	routes  map[string]*figures
	service *stats.Histogram
	queue   *stats.Histogram
	lag     *stats.Histogram
	kinds   map[Kind]int
	turns   [maxTurns + 1]int
	told    int // samples that stated their turns
	bytes   int64
	retries int           // tries that got no answer and were made again by net/http
	byEnds  int           // good answers whose JSON was too long to be read whole
	apart   map[State]int // samples of another state than the phase's: in no figure but lag
	slow    int           // of a warm phase: those of them that were over the target
	states  map[State]int // of a mixed phase, whose figures have them all
	fresh   int           // of a mixed phase: requests of new users
	cold    int           // and those of them that proved cold
	slowest slowest
	watched watches
	proto   int // highest major version of HTTP that was answered in
	time    *timeline
	windows *stats.Windows // nil: how samples depend on each other is not measured
	breaker breaker
	tripped bool
}

// figures are the latencies of one set of samples and how many were over.
type figures struct {
	latency  *stats.Histogram
	requests int
	errors   int
	over     int // slower than the target, or failed
}

func newTally(want State, target, timeout time.Duration) *tally {
	return &tally{
		want: want, target: target, timeout: timeout,
		all: figures{latency: stats.NewHistogram()}, routes: make(map[string]*figures),
		service: stats.NewHistogram(), queue: stats.NewHistogram(), lag: stats.NewHistogram(),
		kinds: make(map[Kind]int), unmade: make(map[Kind]int), apart: make(map[State]int), states: make(map[State]int), time: newTimeline(),
	}
}

// observe takes in one sample, due so long after the start of the phase. A
// failed sample never proves a state and always counts: it is over, and its
// latency is entered as no less than the time-out, so that a server that fails
// fast can't better its percentiles.
func (t *tally) observe(due time.Duration, s Sample) {
	t.lag.Record(s.Lag)
	t.retries += s.Retries
	t.tripped = t.breaker.observe(s.Failed()) || t.tripped
	if s.Shot.Aside {
		t.aside(s)
		return
	}
	if t.want == Mixed {
		t.mixed(s)
	} else if !s.Failed() && t.want != AnyState {
		if state := stateOf(s.Reply.CacheStatus); state != t.want && state != NotStated {
			t.misplace(due, s, state)
			return
		} else if state == NotStated {
			t.apart[NotStated]++ // counted, and kept: see unproven
		}
	}
	latency := s.Latency
	if s.Failed() {
		latency = max(latency, t.timeout)
		t.kinds[s.Kind.within(t.kinds)]++
	} else {
		t.service.Record(s.Service)
		t.queue.Record(s.Queue)
		t.bytes += s.Reply.Bytes
		if s.ByEnds {
			t.byEnds++
		}
		t.proto = max(t.proto, s.Reply.Proto)
		if s.Reply.Turns >= 0 {
			t.turns[min(s.Reply.Turns, maxTurns)]++
			t.told++
		}
	}
	over := s.Failed() || latency > t.target
	t.all.observe(latency, s.Failed(), over)
	t.route(s.Shot.Route).observe(latency, s.Failed(), over)
	t.slowest.observe(s, latency)
	t.watched.observe(s, latency)
	t.time.observe(due, due+s.Latency, latency, s.Failed(), over)
	t.windows.Observe(due, over)
}

// aside takes in a write of a phase whose figures are of reads. It is over only if
// it failed: the phase's target is not about it.
func (t *tally) aside(s Sample) {
	latency := s.Latency
	if s.Failed() {
		latency = max(latency, t.timeout)
		t.unmade[s.Kind.within(t.unmade)]++
		t.slowest.observe(s, latency)
	}
	if t.writes == nil {
		t.writes = &figures{latency: stats.NewHistogram()}
	}
	t.writes.observe(latency, s.Failed(), s.Failed())
	t.route(s.Shot.Route).observe(latency, s.Failed(), s.Failed())
	t.watched.observe(s, latency)
}

// misplace counts a sample of another state than the phase's. A warm phase is
// there because its users' caches know them: one that did not, and let them wait
// for longer than the target, is no less over because of that. A cold phase's
// other users are an error of the test.
func (t *tally) misplace(due time.Duration, s Sample, state State) {
	t.apart[state]++
	if t.want != Warm {
		return
	}
	if s.Latency > t.target {
		t.slow++
		t.windows.Observe(due, true)
	}
	t.watched.misplace(s)
}

// mixed notes which state a sample of a mixed phase proves, and of whom. One that
// failed proves none.
func (t *tally) mixed(s Sample) {
	if ofNewUser(s.Seq) {
		t.fresh++
	}
	if s.Failed() {
		return
	}
	state := stateOf(s.Reply.CacheStatus)
	t.states[state]++
	if state == Cold && ofNewUser(s.Seq) {
		t.cold++
	}
}

// allKinds are the kinds of all failures, those of writes that are counted aside too.
func (t *tally) allKinds() map[Kind]int {
	all := maps.Clone(t.kinds)
	for kind, n := range t.unmade {
		all[kind] += n
	}
	return all
}

func (f *figures) observe(latency time.Duration, failed, over bool) {
	f.latency.Record(latency)
	f.requests++
	if failed {
		f.errors++
	}
	if over {
		f.over++
	}
}

func (t *tally) route(id string) *figures {
	f, ok := t.routes[id]
	if !ok {
		f = &figures{latency: stats.NewHistogram()}
		t.routes[id] = f
	}
	return f
}

// misplaced is how many samples were of another state and are in no figure.
func (t *tally) misplaced() int {
	n := 0
	for state, count := range t.apart {
		if state != NotStated {
			n += count
		}
	}
	return n
}

// unproven is how many samples in the figures did not state their caches.
func (t *tally) unproven() int { return t.apart[NotStated] + t.states[NotStated] }

// turnsAt is the number of turns that the share q of the samples does not exceed.
func (t *tally) turnsAt(q float64) int {
	seen := 0
	for turns, n := range t.turns {
		if seen += n; n > 0 && float64(seen) >= q*float64(t.told) {
			return turns
		}
	}
	return 0
}
