package facts

import (
	"net"
	"slices"
	"time"
)

// What one step may take at most; the probe's own deadline bounds all of them together.
const (
	ConnectTimeout = 5 * time.Second
	QueryTimeout   = 3 * time.Second
	// ReachTimeout is for TCP's handshake, and then for TLS: these two answer without any work of a server's, so that
	// silence for so long, in which a lost segment is sent again once, is no slow server. The log-in has connectTimeout,
	// for a suspended database is woken by it.
	ReachTimeout = 2500 * time.Millisecond
)

// PGServer is what is known of a way to the database: the pooler or the direct endpoint.
type PGServer struct {
	Host     string // of its URL
	TLS      TLSTrust
	Remote   net.IP // whom it is connected to; nil if it never was
	Endpoint Endpoint
	Floor    time.Duration
	// Failed is why it can't be used: connecting, or the first query through it.
	Failed *Failure
	// Pooled is whether a pooler is in between, told only if proof is set; see store.ThroughPooler.
	Pooled bool
	Proof  string
	// FirstTook is the time of that first statement.
	FirstTook time.Duration
	// Standby is whether it leads to a server in recovery, which takes no write.
	Standby bool
	// ServerVersion is Postgres's, such as 150018.
	ServerVersion int
	// Samples are the times of all empty queries so far that had a server connection already, because no pooler is in
	// between or a transaction was open. A queue in the pooler is not in them.
	Samples []time.Duration
	// Acquired are the times of those that the pooler had to assign a server connection to first. Of one in either list
	// that had no answer it is queryTimeout.
	Acquired []time.Duration
}

// Answered reports whether the server could be used; the connection may be closed by now.
func (s *PGServer) Answered() bool { return s != nil && s.Failed == nil }

// Copied is what is known of the server now.
func (s *PGServer) Copied() *PGServer {
	now := *s
	now.Endpoint.Notes = slices.Clone(s.Endpoint.Notes)
	return &now
}

// Err is why the server can't be used, nil if it can.
func (s *PGServer) Err() error {
	if s == nil || s.Failed == nil {
		return nil
	}
	return s.Failed
}
