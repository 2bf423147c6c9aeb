package bench

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// seqHeader is the header in which vegeta numbers its requests.
const seqHeader = "X-Vegeta-Seq"

// exchange is the http.RoundTripper of one attack. vegeta hands it a blank
// request with a sequence number; it makes the real request of that number,
// sends it, and notes what vegeta's Result cannot carry.
type exchange struct {
	base      *url.URL
	transport http.RoundTripper
	shots     Shots
	run       RunID
	attack    uint32
	userAgent string
	timeout   time.Duration

	mu    sync.Mutex
	notes map[uint64]*note // requests under way; the collector takes each note out
}

// note is what one request left behind. Its fields are written by the goroutine
// that sends the request and read after vegeta has handed over the Result.
type note struct {
	shot      Shot
	kind      Kind
	reply     Reply
	connected time.Time
	stage     stage  // what the request waits for
	kept      keeper // what of the body has to be looked at
}

func newExchange(h *Hitter, shots Shots, attack uint32) *exchange {
	return &exchange{
		base: h.base, transport: h.transport, shots: shots, run: h.run, attack: attack,
		userAgent: h.userAgent, timeout: h.timeout, notes: make(map[uint64]*note),
	}
}

// RoundTrip implements http.RoundTripper.
func (x *exchange) RoundTrip(blank *http.Request) (*http.Response, error) {
	seq, err := strconv.ParseUint(blank.Header.Get(seqHeader), 10, 64)
	if err != nil {
		return nil, errors.New("the request carries no sequence number")
	}
	n := &note{shot: x.shots(seq), reply: Reply{Turns: -1}}
	x.mu.Lock()
	x.notes[seq] = n
	x.mu.Unlock()

	// Not http.Client's Timeout: with a RoundTripper that is none of net/http's
	// it cancels by a channel, too, and then a time-out looks like any other end.
	ctx, cancel := context.WithTimeout(blank.Context(), x.timeout)
	reply, err := x.transport.RoundTrip(x.request(ctx, blank, seq, n))
	if err != nil {
		cancel()
		n.kind = n.stage.of(kindOfError(err))
		return nil, err
	}
	n.kind = kindOfStatus(reply.StatusCode)
	n.reply.Status, n.reply.Proto = reply.StatusCode, reply.ProtoMajor
	n.kept = newKeeper(reply, n.kind, x.attack == singles || seq%wholeCheckEvery == 0)
	n.reply.CacheStatus = reply.Header.Get("Cache-Status")
	n.reply.ServerTiming = reply.Header.Get("Server-Timing")
	if turns, err := strconv.Atoi(reply.Header.Get("X-DB-Turns")); err == nil && turns >= 0 {
		n.reply.Turns = turns
	}
	reply.Body = &countedBody{ReadCloser: reply.Body, note: n, cancel: cancel}
	return reply, nil
}

// request is the real request of a sequence number. The token goes in here and
// nowhere else, so that no target, result or report ever holds one.
func (x *exchange) request(ctx context.Context, blank *http.Request, seq uint64, n *note) *http.Request {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			n.connected = time.Now()
			n.stage.enter(stageHeader)
		},
		// These two may still be called when the request has another connection, or has ended.
		ConnectStart:      func(string, string) { n.stage.enter(stageDial) },
		TLSHandshakeStart: func() { n.stage.enter(stageTLS) },
	})
	req := blank.WithContext(ctx)
	req.Method = or(n.shot.Method, http.MethodGet)
	target := *x.base
	path, query, _ := cutQuery(n.shot.Path)
	target.Path, target.RawQuery = joinPath(x.base.Path, path), query
	req.URL, req.Host = &target, target.Host
	req.Header = http.Header{
		"Accept":          {"application/json"},
		"Accept-Encoding": {"gzip"},
		"Traceparent":     {x.run.traceparent(x.attack, seq)},
		"User-Agent":      {x.userAgent},
	}
	if body := n.shot.Body; body != "" {
		// With GetBody net/http may start again on a fresh connection when it finds an idle one closed.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		req.Header["Content-Type"] = []string{"application/json"}
	}
	if !n.shot.User.Token.Empty() {
		req.Header["Authorization"] = []string{"Token " + n.shot.User.Token.secret}
	}
	return req
}

// take hands over the note of a request that has ended.
func (x *exchange) take(seq uint64) *note {
	x.mu.Lock()
	defer x.mu.Unlock()
	n, ok := x.notes[seq]
	if !ok {
		return &note{kind: KindOther, shot: x.shots(seq), reply: Reply{Turns: -1}}
	}
	delete(x.notes, seq)
	return n
}

// countedBody notes the size of a body, and the kind of error that ended it.
type countedBody struct {
	io.ReadCloser
	note   *note
	cancel context.CancelFunc // of the request's time limit
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.note.reply.Bytes += int64(n)
	b.note.kept.keep(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		b.note.kind = kindOfBodyError(err)
	}
	return n, err
}

func (b *countedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
