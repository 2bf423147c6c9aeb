package bench

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// bodyBuffer is for reading a body; one is in use for each body that is being read.
	bodyBuffer = 32 << 10
	// roomKept is how much room for a body is kept for the next one: nearly every
	// page fits. More, for the few that are larger, is kept by nobody.
	roomKept = 64 << 10
	// leastRequest is fewer bytes than any request of ours has on the wire, and more
	// than what TLS writes when it closes a connection.
	leastRequest = 64
)

// trip is one request on its way: what is asked, and what became of it.
type trip struct {
	hitter *Hitter
	attack uint32
	seq    uint64
	shot   Shot
	began  time.Time
	ended  time.Time
	kind   Kind
	reply  Reply
	byEnds bool

	at        stage
	connected time.Time   // when it had its last connection; zero: it never had one
	served    atomic.Bool // it has one: a dial that was begun for it is not needed any more
	retries   int         // tries that were sent and got no answer, after which net/http asked again
	conn      *dialedConn
	written   int64       // by that connection before
	wrote     atomic.Bool // the head was written; for HTTP/2, where a connection is many requests'
}

func (h *Hitter) newTrip(attack uint32, seq uint64, shot Shot) *trip {
	return &trip{hitter: h, attack: attack, seq: seq, shot: shot, reply: Reply{Turns: -1}}
}

// make makes the trip's request of an empty one, sends it, reads the reply to its
// end, and judges it. Its time ends before the body is judged.
func (t *trip) make(req *http.Request) {
	h := t.hitter
	ctx, cancel := context.WithDeadline(req.Context(), time.Now().Add(h.timeout))
	defer cancel()
	trace := &httptrace.ClientTrace{GetConn: t.getConn, GotConn: t.gotConn}
	if h.base.Scheme == "https" {
		// May still be called when the request has another connection, or has ended.
		trace.TLSHandshakeStart = func() { t.at.enter(stageTLS) }
		trace.WroteHeaders = func() { t.wrote.Store(true) }
	}
	reply, err := h.transport.RoundTrip(t.request(req.WithContext(httptrace.WithClientTrace(tripContext{ctx, t}, trace)))) //nolint:contextcheck // it is the request's own
	if err != nil {
		t.ended = time.Now()
		t.kind = t.at.of(kindOfError(err))
		return
	}
	t.answered(reply)
}

// tripContext is the context of a trip, by which a dial knows what it is for. It
// spares what httptrace would allocate for each request to trace the few dials.
type tripContext struct {
	context.Context //nolint:containedctx // it is one

	trip *trip
}

// tripKey is the key of the trip in its context.
type tripKey struct{}

// Value implements context.Context.
func (c tripContext) Value(key any) any {
	if key == (tripKey{}) {
		return c.trip
	}
	return c.Context.Value(key)
}

// getConn notes that the request wants a connection: at first, and when net/http
// asks again.
func (t *trip) getConn(string) { t.served.Store(false) }

// gotConn notes that the request has a connection. When it had one before and was
// written to it, it got no answer there, and net/http asks again by itself.
func (t *trip) gotConn(info httptrace.GotConnInfo) {
	if !t.connected.IsZero() && t.wasSent() {
		t.retries++
	}
	t.connected = time.Now()
	t.served.Store(true)
	t.at.enter(stageHeader)
	t.wrote.Store(false)
	if t.conn = dialedOf(info.Conn); t.conn != nil {
		t.conn.to.requests.Add(1)
		t.written = t.conn.written.Load()
	}
}

// wasSent reports whether the try on the last connection was written to it.
func (t *trip) wasSent() bool {
	if t.conn == nil || t.conn.isSecond.Load() {
		return t.wrote.Load()
	}
	return t.conn.written.Load()-t.written >= leastRequest
}

// answered takes in the reply.
func (t *trip) answered(reply *http.Response) {
	h := reply.Header
	t.kind = t.shot.Expect.kindOf(reply.StatusCode)
	t.reply = Reply{
		Status: reply.StatusCode, Proto: reply.ProtoMajor, Turns: -1,
		CacheStatus: h.Get("Cache-Status"), ServerTiming: h.Get("Server-Timing"),
	}
	if said := h.Get("X-Db-Turns"); said != "" {
		if turns, err := strconv.Atoi(said); err == nil && turns >= 0 {
			t.reply.Turns = turns
		}
	}
	room := t.hitter.rooms.get()
	defer t.hitter.rooms.put(room)
	kept := newKeeper(reply.StatusCode, h.Get("Content-Type"), h.Get("Content-Encoding"), t.kind, room.body[:0])
	kept.foreign = t.shot.JSON && !kept.json && t.kind == KindNone && hasBody(reply.StatusCode)
	err := t.readAll(reply.Body, room.buffer[:], &kept)
	err = errors.Join(err, reply.Body.Close())
	t.ended = time.Now()
	room.body = kept.body
	switch {
	case err != nil:
		t.kind = kindOfBodyError(err)
	default:
		t.kind, t.byEnds = kept.judge(t.kind, t.hitter.verdicts), kept.byEnds()
	}
	if t.kind == KindNone && t.retries > 0 {
		t.kind = KindRetried
	}
}

// readAll reads a body to its end.
func (t *trip) readAll(body io.Reader, buffer []byte, kept *keeper) error {
	for {
		n, err := body.Read(buffer)
		t.reply.Bytes += int64(n)
		kept.keep(buffer[:n])
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// request fills in the trip's request. The token goes in here and nowhere else, so
// that no result or report ever holds one.
func (t *trip) request(req *http.Request) *http.Request {
	h := t.hitter
	req.Method, req.URL, req.Host = or(t.shot.Method, http.MethodGet), requestURL(h.base, t.shot.Path), h.base.Host
	maps.Copy(req.Header, h.header)
	req.Header["Traceparent"] = []string{h.run.traceparent(t.attack, t.seq)}
	if body := t.shot.Body; body != "" {
		// With GetBody net/http may start again on a fresh connection when it finds an idle one closed.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		if t.shot.Header == nil {
			req.Header["Content-Type"] = []string{"application/json"}
		}
	}
	if !t.shot.User.Token.Empty() {
		req.Header["Authorization"] = []string{"Token " + t.shot.User.Token.secret}
	}
	for name, values := range t.shot.Header { // as they are spelled
		req.Header[name] = slices.Clone(values)
		if strings.EqualFold(name, "Host") && len(values) > 0 {
			req.Host = values[0]
		}
	}
	return req
}

// sample is the trip as it was measured.
func (t *trip) sample(due time.Time) Sample {
	s := Sample{
		Seq: t.seq, Due: due, Shot: t.shot, Kind: t.kind, Reply: t.reply, Retries: t.retries, ByEnds: t.byEnds,
		Latency: t.ended.Sub(due),
		Lag:     t.began.Sub(due),
		Queue:   t.ended.Sub(t.began),
	}
	if !t.connected.IsZero() {
		s.Queue, s.Service = t.connected.Sub(t.began), t.ended.Sub(t.connected)
	}
	return s
}

// rooms lends the room that bodies are read into.
type rooms struct{ free sync.Pool }

// room is for one body at a time.
type room struct {
	buffer [bodyBuffer]byte
	body   []byte // what is kept of it
}

func (r *rooms) get() *room {
	if one, ok := r.free.Get().(*room); ok {
		return one
	}
	return new(room)
}

func (r *rooms) put(one *room) {
	if cap(one.body) > roomKept {
		one.body = nil
	}
	r.free.Put(one)
}
