package bench

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// maxUnmeasured bounds the body of a reply that is not measured; such a body is
// read whole.
const maxUnmeasured = 16 << 20

// RoundTrip implements http.RoundTripper, for the requests that are not measured.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if w.second.Load() {
		return w.transport.RoundTrip(req)
	}
	ctx := req.Context()
	deadline, limited := ctx.Deadline()
	wait := deadline
	if !limited {
		deadline, wait = time.Time{}, time.Now().Add(w.timeout)
	}
	k, _, err := w.pool.get(ctx, wait, true)
	if errors.Is(err, errSecond) {
		return w.transport.RoundTrip(req)
	}
	if err != nil {
		return nil, errors.Join(err, closeBody(req))
	}
	reply, o := w.exchangeWhole(k, req, deadline)
	if o.err != nil {
		w.pool.discard(ctx, k)
		return nil, o.err
	}
	w.release(ctx, k, o)
	return reply, nil
}

// exchangeWhole sends a request and reads the reply with all its body.
func (w *wire) exchangeWhole(k *wireConn, req *http.Request, deadline time.Time) (reply *http.Response, o outcome) {
	if o.err = k.SetDeadline(deadline); o.err != nil {
		return nil, o
	}
	defer k.obey(req.Context(), &o)()
	if o.err = req.Write(k); o.err != nil {
		return nil, o
	}
	reply, o.err = readResponse(k, req)
	if o.err != nil {
		return nil, o
	}
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxUnmeasured+1))
	if err == nil && len(text) > maxUnmeasured {
		err = errors.New("the body is over 16 MB")
	}
	o.err = errors.Join(err, reply.Body.Close())
	o.reuse = o.err == nil && !reply.Close
	reply.Body = io.NopCloser(bytes.NewReader(text))
	return reply, o
}

func closeBody(req *http.Request) error {
	if req.Body == nil {
		return nil
	}
	return req.Body.Close()
}
