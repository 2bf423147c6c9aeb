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
	"time"
)

// exchange sends by an http.RoundTripper: HTTP/2 by net/http's, and whatever
// stands in for a server.
type exchange struct {
	base      *url.URL
	transport http.RoundTripper
	run       RunID
	userAgent string
	timeout   time.Duration
}

// prepare implements sender: a request of net/http can't be made beforehand.
func (x *exchange) prepare(*call) {}

// send implements sender.
func (x *exchange) send(ctx context.Context, c *call) {
	ctx, cancel := context.WithDeadline(ctx, c.began.Add(x.timeout))
	defer cancel()
	var at stage
	var connected time.Time
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			connected = time.Now()
			at.enter(stageHeader)
		},
		// These two may still be called when the request has another connection, or has ended.
		ConnectStart:      func(string, string) { at.enter(stageDial) },
		TLSHandshakeStart: func() { at.enter(stageTLS) },
	})
	reply, err := x.transport.RoundTrip(x.request(ctx, c))
	c.connected = connected
	if err != nil {
		c.kind = at.of(kindOfError(err))
		return
	}
	c.answered(reply.StatusCode, reply.ProtoMajor, reply.Header.Get("Content-Type"), reply.Header.Get("Content-Encoding"))
	c.headers(reply.Header)
	if err := errors.Join(c.readAll(reply.Body, make([]byte, 8<<10)), reply.Body.Close()); err != nil {
		c.kind = kindOfBodyError(err)
	}
}

// headers takes what the server says about itself from the reply.
func (c *call) headers(h http.Header) {
	c.reply.CacheStatus = h.Get("Cache-Status")
	c.reply.ServerTiming = h.Get("Server-Timing")
	c.turns(h.Get("X-DB-Turns"))
}

// turns takes in the value of X-DB-Turns.
func (c *call) turns(said string) {
	if turns, err := strconv.Atoi(said); err == nil && turns >= 0 {
		c.reply.Turns = turns
	}
}

// readAll reads a body to its end.
func (c *call) readAll(body io.Reader, buffer []byte) error {
	for {
		n, err := body.Read(buffer)
		c.read(buffer[:n])
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// request is the request of a call. The token goes in here, and in the wire's
// own form of it, and nowhere else, so that no result or report ever holds one.
func (x *exchange) request(ctx context.Context, c *call) *http.Request {
	req := (&http.Request{
		Method: or(c.shot.Method, http.MethodGet), URL: requestURL(x.base, c.shot.Path), Host: x.base.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Accept":          {"application/json"},
			"Accept-Encoding": {"gzip"},
			"Traceparent":     {x.run.traceparent(c.attack, c.seq)},
			"User-Agent":      {x.userAgent},
		},
	}).WithContext(ctx)
	if body := c.shot.Body; body != "" {
		// With GetBody net/http may start again on a fresh connection when it finds an idle one closed.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		req.Header["Content-Type"] = []string{"application/json"}
	}
	if !c.shot.User.Token.Empty() {
		req.Header["Authorization"] = []string{"Token " + c.shot.User.Token.secret}
	}
	return req
}
