package app

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// targetClient sends GETs to one server over one connection at a time and times their parts.
type targetClient struct {
	base, token string
	transport   *http.Transport
	last        time.Time
	// Sent counts the requests.
	Sent int64
}

func newTargetClient(base, token string, proxy func(*http.Request) (*url.URL, error)) *targetClient {
	return &targetClient{base: base, token: token, transport: &http.Transport{
		Proxy: proxy, DisableCompression: true, MaxConnsPerHost: 1,
		TLSHandshakeTimeout: facts.ConnectTimeout, ForceAttemptHTTP2: true,
	}}
}

// maxAnswer bounds what is read of one reply, in bytes.
const maxAnswer = 4 << 20

// get asks for one path, at least targetPause after the request before. authed sends the token. No redirect is
// followed: a token must not go where a server points.
func (c *targetClient) get(ctx context.Context, path string, authed bool) (a dial.Answer, err error) {
	if wait := targetPause - time.Since(c.last); wait > 0 {
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(wait):
		}
	}
	defer func() { c.last = time.Now() }()
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		a, err = c.exchange(ctx, path, authed)
		return err
	})
	return a, err
}

func (c *targetClient) exchange(ctx context.Context, path string, authed bool) (dial.Answer, error) {
	var a dial.Answer
	var stages dial.HTTPStages
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, stages.Trace()), http.MethodGet, c.base+path, nil)
	if err != nil {
		return a, err
	}
	req.Header.Set("User-Agent", "honeydue-probe")
	if authed {
		// As a phone asks: a copy is sent as it is kept, compressed.
		req.Header.Set("Accept-Encoding", "gzip")
		req.Header.Set("Authorization", "Token "+c.token)
	}
	c.Sent++
	began := time.Now()
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	a.Status, a.Header = resp.StatusCode, resp.Header
	a.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	a.Wall = time.Since(began)
	stages.Into(&a, began)
	return a, err
}

// hangUp ends the connection; the next request makes another.
func (c *targetClient) hangUp() { c.transport.CloseIdleConnections() }

// targetPause is the least time between two requests of a probe: it is a guest on a server in trouble.
const targetPause = 20 * time.Millisecond
