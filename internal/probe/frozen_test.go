package probe_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// freezer is a way to a server that can stop passing anything on, as a host does whose power has gone: connections stay
// open, and nobody answers.
type freezer struct {
	once, over  sync.Once
	frozen, end chan struct{}
}

func newFreezer() *freezer { return &freezer{frozen: make(chan struct{}), end: make(chan struct{})} }

func (f *freezer) freeze() { f.once.Do(func() { close(f.frozen) }) }

// before puts the freezer in front of the server that a URL leads to.
func (f *freezer) before(t *testing.T, raw string) string {
	through := relayed(t, raw, func(client, server *net.TCPConn) {
		both(gated{f, client}, gated{f, server}, func(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) })
	})
	t.Cleanup(func() { f.over.Do(func() { close(f.end) }) })
	return through
}

// gated is a connection that keeps what it has read once the way is frozen.
type gated struct {
	f *freezer
	*net.TCPConn
}

func (g gated) Read(p []byte) (int, error) {
	n, err := g.TCPConn.Read(p)
	select {
	case <-g.f.frozen:
		<-g.f.end
		return 0, io.EOF
	default:
		return n, err
	}
}

// ReadFrom and WriteTo would go past Read.
func (g gated) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{g}) }

func (g gated) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{g.TCPConn}, r)
}

// TestFrozenPooler: a pooler that goes silent, from the start or in the middle, keeps the probe no longer than its
// time, and is named.
func TestFrozenPooler(t *testing.T) {
	env := labtest.Database(t, prepare)
	for _, when := range []string{"connecting", "reading", "running", "looking"} {
		t.Run(when, func(t *testing.T) {
			f := newFreezer()
			c := config(env)
			c.URL, c.AdminURL = f.before(t, env.DatabaseURL), f.before(t, env.AdminURL)
			c.Timeout = 9 * time.Second
			c.Progress = func(what string) {
				if strings.HasPrefix(what, when) {
					f.freeze()
				}
			}
			began := time.Now()
			r := run(t, c) // a pooler that it waited for would keep it for ever, and a busy machine for less than its time again
			if took := time.Since(began); took > 2*c.Timeout {
				t.Errorf("it took %v, and was given %v", took, c.Timeout)
			}
			if when == "looking" {
				return // every statement had been measured by then
			}
			if len(r.Findings) == 0 || !strings.HasPrefix(r.Findings[0].Code, "HD-P") || r.Findings[0].Severity != facts.Critical {
				t.Fatalf("the pooler is not named: %s", r.Verdict)
			}
			if when == "running" {
				contains(t, first(t, r, "HD-P04").Evidence, "an empty query at the same moment had none")
			}
			for _, h := range r.HotPaths {
				if h.Error != "" {
					t.Errorf("%s for the %s user is called failed: %s", h.Name, h.Subject, h.Error)
				}
			}
		})
	}
}
