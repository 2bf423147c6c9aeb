package bench

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Attack sends the requests of a.Schedule and returns when each has ended. When
// ctx ends, no further request starts; those under way are waited for, at most
// the Hitter's timeout, and are observed. That is no error: Ran.Sent says it.
//
// vegeta's Attacker sends them. Nothing bounds its workers: a request that waits
// for a worker would wait where nobody measures it. What is bounded, if anything,
// are the connections, and the wait for one of those is measured.
func (h *Hitter) Attack(ctx context.Context, a Attack) Ran {
	s := &sending{hitter: h, attack: a, number: h.attacks.Add(1), stop: ctx.Done(), done: make(map[uint64]*trip)}
	s.moved.L = &s.mu
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{Transport: measuring{s}, CheckRedirect: stay}),
		vegeta.MaxBody(0), // the trip has read it
	)
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: h.base.String()}) // the trip asks for what is due
	results := attacker.Attack(target, s, 0, "")
	return s.collect(results)
}

const (
	// enoughWaiting is how many requests may wait for their worker to begin, and how
	// many answers to be observed, before no more requests are sent: what keeps them
	// is this process, which more requests would only slow further and fill.
	enoughWaiting = 64
	// mostUnderWay bounds what one attack has under way, so that a generator that
	// cannot keep up ends with a verdict and not without memory. There are fewer ports.
	mostUnderWay = 1 << 16
)

// sending is an attack under way, and the vegeta.Pacer of its Attacker.
type sending struct {
	hitter *Hitter
	attack Attack
	number uint32
	stop   <-chan struct{}
	began  time.Time // when request 0 is due at the earliest; set before it is sent
	timer  *time.Timer

	mu        sync.Mutex
	entered   uint64           // requests whose worker has begun
	done      map[uint64]*trip // that have no result of the Attacker yet
	collected uint64
	moved     sync.Cond // one of these has changed
}

// Pace implements vegeta.Pacer. It waits itself, and ends at once when it is to stop:
// the Attacker would sleep until the next request is due.
func (s *sending) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	if s.timer == nil {
		s.began, s.timer = time.Now().Add(-elapsed), time.NewTimer(0)
	}
	if hits >= s.attack.Schedule.Count() {
		s.timer.Stop()
		return 0, true
	}
	if wait := time.Until(s.began.Add(s.attack.Schedule.At(hits))); wait > 0 {
		s.timer.Reset(wait)
		select {
		case <-s.timer.C:
		case <-s.stop:
			return 0, true
		}
	}
	s.catchUp(hits)
	select {
	case <-s.stop:
		return 0, true
	default:
		return 0, false
	}
}

// catchUp waits while this process has too much to do with what was sent before.
// That wait is its own lateness, and is reported as lag.
func (s *sending) catchUp(sent uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sent-s.entered >= enoughWaiting || len(s.done) >= enoughWaiting || sent-s.collected >= mostUnderWay {
		s.moved.Wait()
	}
}

// Rate implements vegeta.Pacer.
func (s *sending) Rate(time.Duration) float64 { return s.attack.Schedule.MeanRate() }

// seqHeader is by which the Attacker numbers its requests.
const seqHeader = "X-Vegeta-Seq"

// measuring is the transport of an Attacker. It puts the request that is due in
// place of the Attacker's own, which only has its number.
type measuring struct{ *sending }

// RoundTrip implements http.RoundTripper. Whatever becomes of the request is no
// error here: it is in the trip.
func (m measuring) RoundTrip(req *http.Request) (*http.Response, error) {
	seq, err := strconv.ParseUint(req.Header.Get(seqHeader), 10, 64)
	if err != nil {
		return nil, err // of no Attacker that there is
	}
	m.mu.Lock()
	m.entered++
	m.mu.Unlock()
	m.moved.Signal()
	t := m.hitter.newTrip(m.number, seq, m.attack.Shots(seq))
	clear(req.Header) // of its number, which is nobody else's business
	t.make(req)
	m.mu.Lock()
	m.done[seq] = t
	m.mu.Unlock()
	return &http.Response{StatusCode: t.reply.Status, Body: http.NoBody, Request: req}, nil
}

// take gives the trip of a result.
func (s *sending) take(seq uint64) *trip {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.done[seq]
	if t == nil {
		s.entered++ // it got no further
	}
	delete(s.done, seq)
	s.collected++
	s.moved.Signal()
	return t
}

// collect observes the results as they come, until there are no more.
func (s *sending) collect(results <-chan *vegeta.Result) Ran {
	var observing sync.Mutex
	defer s.everySecond(&observing)()
	ran := Ran{Attack: s.number, Planned: s.attack.Schedule.Count()}
	for r := range results {
		t := s.take(r.Seq)
		if t == nil { // the Attacker could not even ask
			t = s.hitter.newTrip(s.number, r.Seq, s.attack.Shots(r.Seq))
			t.kind, t.ended = KindOther, r.End()
		}
		t.began = r.Timestamp
		ran.Sent++
		ran.Span = max(ran.Span, t.began.Sub(s.began))
		ran.Elapsed = max(ran.Elapsed, t.ended.Sub(s.began))
		observing.Lock()
		s.attack.Observe(t.sample(s.began.Add(s.attack.Schedule.At(r.Seq))))
		observing.Unlock()
	}
	return ran
}

// everySecond calls Tick about once a second, with the lock held, until the
// function that it returns is called.
func (s *sending) everySecond(observing *sync.Mutex) (end func()) {
	began, ended := time.Now(), make(chan struct{})
	var ticking sync.WaitGroup
	if s.attack.Tick != nil {
		ticking.Go(func() {
			seconds := time.NewTicker(time.Second)
			defer seconds.Stop()
			for {
				select {
				case <-ended:
					return
				case <-seconds.C:
					observing.Lock()
					s.attack.Tick(time.Since(began))
					observing.Unlock()
				}
			}
		})
	}
	return func() {
		close(ended)
		ticking.Wait()
	}
}

// Once sends a single request now and measures it. The moment it is due is the
// moment of the call.
func (h *Hitter) Once(ctx context.Context, shot Shot) Sample {
	t := h.newTrip(singles, h.singles.Add(1), shot)
	t.began = time.Now()
	t.make((&http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}}).WithContext(ctx))
	return t.sample(t.began)
}
