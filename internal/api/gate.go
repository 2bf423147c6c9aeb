package api

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Gate stands at the public address from the first moment of a process, when
// there is no database and so no Server yet: it is live, and neither started
// nor ready. From Open on it is the Server.
type Gate struct {
	server atomic.Pointer[Server]
	boot   Readiness
}

// NewGate makes a closed gate.
func NewGate(version, commit string) *Gate {
	return &Gate{boot: Readiness{Reason: "starting", Version: version, Commit: commit, StartedAt: toldTime(time.Now())}}
}

// StartedAt is when the gate was made, for the Config of the server that it opens to.
func (g *Gate) StartedAt() time.Time { return g.boot.StartedAt }

// toldTime is a time as /readyz tells it: in UTC, fine enough to tell two restarts apart.
func toldTime(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Open lets everything through to s.
func (g *Gate) Open(s *Server) { g.server.Store(s) }

// gateTimeout is ample for replies that wait for nothing.
const gateTimeout = time.Second

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s := g.server.Load(); s != nil {
		s.ServeHTTP(w, r)
		return
	}
	surround(w, r, gateTimeout, nil, g.closed)
}

func (g *Gate) closed(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/livez":
		writeLive(w)
	case "/readyz":
		writeStatus(w, http.StatusServiceUnavailable, g.boot)
	case "/startupz":
		writeStarted(w, false)
	default:
		p := newProblem(http.StatusServiceUnavailable, codeStarting, "The server is starting. Try again in a moment.").
			withHeader("Retry-After", retryAfterSeconds)
		p.TraceID = exchangeFrom(r.Context()).trace().TraceID().String()
		p.write(w)
	}
}
