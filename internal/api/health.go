package api

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
)

// Readiness is what /readyz answers: 200 when ready, 503 otherwise.
type Readiness struct {
	Ready           bool   `json:"ready"`
	Reason          string `json:"reason,omitempty"`
	ThroughPooler   bool   `json:"through_pooler"`
	Proof           string `json:"proof" doc:"how through_pooler was proved"`
	ExecMode        string `json:"exec_mode"`
	OpenConnections int32  `json:"open_connections"`
	Cache           string `json:"cache" doc:"redis or in_process"`
	CacheFault      string `json:"cache_fault,omitempty" doc:"why Redis cannot be used, as in Cache-Status, such as redis-no-permission; absent if nothing is known to be wrong"`
	Version         string `json:"version"`
	Commit          string `json:"commit"`
	// StartedAt changes with each restart, by which whoever restarts a server sees that it did.
	StartedAt time.Time `json:"started_at" doc:"when the process started"`
	// Ablated is empty in production.
	Ablated []string `json:"ablated,omitempty" doc:"decisions that HONEYDUE_ABLATE has reverted for an experiment"`
}

const (
	// pingEvery is how long an answer of the database counts: the probes of
	// kubelet and of load balancers share one.
	pingEvery = 5 * time.Second
	// pingTimeout bounds one ping.
	pingTimeout = 2 * time.Second
	// pingIdle is how long after the last request the pinging goes on. Then the
	// last answer stands, so that a database that suspends itself may sleep.
	pingIdle = 5 * time.Minute
)

// health is the state behind the three probes.
type health struct {
	warm     atomic.Bool
	draining atomic.Bool
	// lastUse is the last API request, in Unix nanoseconds.
	lastUse atomic.Int64

	mu     sync.Mutex // one ping at a time
	pinged time.Time
	err    error
}

// SetReady says that the boot is over and traffic may come.
func (s *Server) SetReady() { s.health.warm.Store(true) }

// Drain makes /readyz say no, for good. Requests are served all the same,
// until load balancers have noticed.
func (s *Server) Drain() { s.health.draining.Store(true) }

// Readiness asks, at most each pingEvery, whether the database answers.
func (s *Server) Readiness(ctx context.Context) Readiness {
	proof := s.db.Proof()
	r := Readiness{
		ThroughPooler: proof.ThroughPooler, Proof: proof.How, ExecMode: proof.ExecMode,
		OpenConnections: s.db.Stat().Total, Cache: "redis", CacheFault: string(s.cache.Fault().Kind), Version: s.version, Commit: s.commit, StartedAt: s.startedAt, Ablated: s.ablated,
	}
	if s.cache.InProcess() {
		r.Cache = "in_process"
	}
	switch {
	case s.health.draining.Load():
		r.Reason = "draining"
	case !s.health.warm.Load():
		r.Reason = "warming up"
	case s.databaseAnswers(ctx) != nil:
		r.Reason = "the database does not answer"
	default:
		r.Ready = true
	}
	return r
}

func (s *Server) databaseAnswers(ctx context.Context) error {
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	now := s.now()
	used := now.Sub(time.Unix(0, h.lastUse.Load())) < pingIdle
	switch {
	case now.Sub(h.pinged) < pingEvery:
		return h.err
	case h.err == nil && !h.pinged.IsZero() && !used:
		return nil
	}
	// A prober that hangs up must not make the database look dead to the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTimeout)
	defer cancel()
	h.err = s.db.Ping(ctx)
	h.pinged = now
	return h.err
}

func (s *Server) livez(c *gin.Context) { writeLive(c.Writer) }

func writeLive(w http.ResponseWriter) { writeStatus(w, http.StatusOK, map[string]bool{"live": true}) }

func (s *Server) readyz(c *gin.Context) {
	r := s.Readiness(c.Request.Context())
	writeStatus(c.Writer, okOrUnavailable(r.Ready), r)
}

func (s *Server) startupz(c *gin.Context) { writeStarted(c.Writer, s.health.warm.Load()) }

func writeStarted(w http.ResponseWriter, started bool) {
	writeStatus(w, okOrUnavailable(started), map[string]bool{"started": started})
}

func okOrUnavailable(ok bool) int {
	if ok {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

func writeStatus(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a prober that has gone cannot be told anything
}
