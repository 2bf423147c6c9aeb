package dial

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// HTTPStages are the stages of one HTTP request. A host with two addresses is dialled at both at once, and the one that
// loses may end after the request: what the hooks note is read under a lock, and only the winner counts.
type HTTPStages struct {
	mu               sync.Mutex
	asked, shook     time.Time
	dialled          map[string]time.Time // by address
	dns, tcp, tlsEnd time.Duration
	first            time.Time
}

// Trace notes the stages of a request.
func (s *HTTPStages) Trace() *httptrace.ClientTrace {
	locked := func(f func(now time.Time)) {
		s.mu.Lock()
		defer s.mu.Unlock()
		f(time.Now())
	}
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { locked(func(now time.Time) { s.asked = now }) },
		DNSDone:  func(httptrace.DNSDoneInfo) { locked(func(now time.Time) { s.dns = now.Sub(s.asked) }) },
		ConnectStart: func(_, address string) {
			locked(func(now time.Time) {
				if s.dialled == nil {
					s.dialled = map[string]time.Time{}
				}
				s.dialled[address] = now
			})
		},
		ConnectDone: func(_, address string, err error) {
			locked(func(now time.Time) {
				if err == nil && s.tcp == 0 {
					s.tcp = now.Sub(s.dialled[address])
				}
			})
		},
		TLSHandshakeStart:    func() { locked(func(now time.Time) { s.shook = now }) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { locked(func(now time.Time) { s.tlsEnd = now.Sub(s.shook) }) },
		GotFirstResponseByte: func() { locked(func(now time.Time) { s.first = now }) },
	}
}

// Into fills in what connecting took, and the time to the first byte since began.
func (s *HTTPStages) Into(a *Answer, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.dns, a.TCP, a.tls, a.Ttfb = s.dns, s.tcp, s.tlsEnd, s.first.Sub(began)
}

// Answer is one reply that has been read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Wall runs from the request to the last byte of the answer, ttfb to the first; both hold connecting, where that
	// was needed.
	Wall, Ttfb time.Duration
	// dns, tcp and tls are what connecting took; 0 on a connection that was there.
	dns, TCP, tls time.Duration
}

// Connecting is the part of the wall that a request on an open connection does not pay.
func (a Answer) Connecting() time.Duration { return a.dns + a.TCP + a.tls }
