package labtest

import (
	"net/url"
	"testing"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/link"
)

// Link puts a link of the test's own between it and the server that rawURL
// leads to (a URL of an Env), and returns the URL by way of it. It counts
// nobody else's turns, and may be cut and paused without hurting another test.
// It ends with the test.
//
// Certificates stay valid: the link is on the same address as the server.
func Link(t testing.TB, rawURL string, m link.Model) (string, *link.Proxy) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal("labtest: the URL to put a link in front of can't be read")
	}
	p, err := link.Listen(t.Context(), "127.0.0.1:0", u.Host, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	u.Host = p.Addr()
	return u.String(), p
}

// Pooler is Link for the pooler of an Env: it returns the Env by way of a link
// of the test's own.
func Pooler(t testing.TB, env lab.Env, m link.Model) (lab.Env, *link.Proxy) {
	t.Helper()
	var p *link.Proxy
	env.DatabaseURL, p = Link(t, env.DatabaseURL, m)
	return env, p
}
