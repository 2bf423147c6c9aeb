package bench

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
)

// RunID makes the trace ids of one run its own. Each trace id is the run's 8
// bytes, the attack's number and the request's sequence number, so that a trace
// is found from a sample and a sample from a trace, with nothing stored.
type RunID [8]byte

// NewRunID draws a random id.
func NewRunID() RunID {
	var id RunID
	// crypto/rand.Read never fails: it ends the program instead.
	_, _ = rand.Read(id[:])
	id[0] |= 1 // an all-zero id is invalid by W3C Trace Context
	return id
}

// TraceID is the trace id of a request, 32 hex digits.
func (r RunID) TraceID(attack uint32, seq uint64) string {
	var id [16]byte
	copy(id[:8], r[:])
	binary.BigEndian.PutUint64(id[8:], within(attack, seq))
	return hex.EncodeToString(id[:])
}

// traceparent is the W3C header that makes the server's span a part of the
// trace, sampled. The span id is derived too; its first bit keeps it from zero.
func (r RunID) traceparent(attack uint32, seq uint64) string {
	var span [8]byte
	binary.BigEndian.PutUint64(span[:], 1<<63|within(attack, seq))
	return "00-" + r.TraceID(attack, seq) + "-" + hex.EncodeToString(span[:]) + "-01"
}

// within numbers a request in its run: MaxRequests fits into the 40 bits.
func within(attack uint32, seq uint64) uint64 { return uint64(attack)<<40 | seq }
