package bench

import (
	"context"
	"time"
)

// call is one request on its way: what is asked, and what became of it. A worker
// uses one call for all its requests, one after the other.
type call struct {
	attack    uint32
	seq       uint64
	shot      Shot
	began     time.Time
	connected time.Time // zero: it never had a connection
	ended     time.Time
	kind      Kind
	reply     Reply
	kept      keeper // what of the body has to be looked at
	head      []byte // of the request, in the form of the wire
}

// sender sends calls. It is what there is of a transport between the schedule and
// the server; implementations are safe for concurrent use.
type sender interface {
	// prepare does what can be done before the request is due.
	prepare(c *call)
	// send sends the request, reads the reply to its end, and fills in kind, reply,
	// kept and connected. It does not judge the body, which takes time that is not
	// the server's.
	send(ctx context.Context, c *call)
}

// roomKept is how much room for a body a worker keeps for its next request: nearly
// every page fits. More, for the few that are larger, is kept by nobody.
const roomKept = 64 << 10

// begin makes the call that of another request.
func (c *call) begin(attack uint32, seq uint64, shot Shot) {
	body := c.kept.body[:0]
	if cap(body) > roomKept {
		body = nil
	}
	*c = call{attack: attack, seq: seq, shot: shot, reply: Reply{Turns: -1}, head: c.head[:0], kept: keeper{body: body}}
}

// answered notes the head of the reply.
func (c *call) answered(status, proto int, media, encoding string) {
	c.kind = c.shot.Expect.kindOf(status)
	c.reply.Status, c.reply.Proto = status, proto
	c.kept = newKeeper(status, media, encoding, c.kind, c.kept.body[:0])
	c.kept.foreign = c.shot.JSON && !c.kept.json && c.kind == KindNone && hasBody(status)
}

// read takes in a part of the body.
func (c *call) read(p []byte) {
	c.reply.Bytes += int64(len(p))
	c.kept.keep(p)
}

// sample is the call as it was measured.
func (c *call) sample(due time.Time, v *verdicts) Sample {
	s := Sample{
		Seq: c.seq, Shot: c.shot, Kind: c.kept.judge(c.kind, v), Reply: c.reply, ByEnds: c.kept.byEnds(),
		Latency: c.ended.Sub(due),
		Lag:     c.began.Sub(due),
		Queue:   c.ended.Sub(c.began),
	}
	if !c.connected.IsZero() {
		s.Queue, s.Service = c.connected.Sub(c.began), c.ended.Sub(c.connected)
	}
	return s
}
