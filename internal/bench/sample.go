package bench

import (
	"fmt"
	"net/http"
	"time"
)

// Shot is one request of an attack: what to ask, and as whom.
type Shot struct {
	Route string // the route's id, as the reports name it
	Path  string // with a leading slash
	Group string // what this and other routes are together, for thresholds; "" = nothing
	// Aside: a write of a phase whose figures are of reads. It is in the phase's
	// writes, in its own route and in the thresholds about these, and in no other figure.
	Aside bool
	User  User // the zero User sends no Authorization

	Method string      // "" = GET
	Body   string      // "" = none
	Header http.Header // in addition; nil = none, and a body is JSON
	JSON   bool        // a good answer with a body is JSON: anything else comes from something in between
	Expect Statuses
}

// Shots gives the request of a sequence number. It must be pure: two calls with
// the same number give the same request.
type Shots func(seq uint64) Shot

// Reply is what the server said about the request it answered.
type Reply struct {
	Status       int
	Turns        int // X-DB-Turns; -1 when the server does not say
	CacheStatus  string
	ServerTiming string
	Bytes        int64 // of the body, as sent (compressed if it was)
	Proto        int   // major version of HTTP; 0 without a reply
}

// Sample is one measured request.
type Sample struct {
	Seq   uint64
	Shot  Shot
	Due   time.Time
	Kind  Kind // KindNone: answered well
	Reply Reply
	// Retries are the tries that got no answer, and after which net/http asked again.
	Retries int
	// ByEnds: the body says it is JSON, and was too long to be read whole.
	ByEnds bool

	// Latency runs from the scheduled moment to the last byte of the reply. It
	// is the sum of the next three.
	Latency time.Duration
	Lag     time.Duration // from the scheduled moment to the start: the generator's own lateness
	Queue   time.Duration // from the start to a usable connection: the cap on connections, or a dial
	Service time.Duration // from there to the last byte
}

// why says in a word or a number why a sample failed.
func (s Sample) why() string {
	if s.Reply.Status >= 300 {
		return fmt.Sprintf("status %d", s.Reply.Status)
	}
	return string(s.Kind)
}

// Failed reports whether the request was not answered well.
func (s Sample) Failed() bool { return s.Kind != KindNone }
