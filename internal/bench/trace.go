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
// trace, sampled.
func (r RunID) traceparent(attack uint32, seq uint64) string {
	return string(r.appendTraceparent(nil, attack, seq))
}

// appendTraceparent adds that header's value. The span id is derived too; its
// first bit keeps it from zero.
func (r RunID) appendTraceparent(b []byte, attack uint32, seq uint64) []byte {
	var id [24]byte // the trace id and the span id
	copy(id[:8], r[:])
	binary.BigEndian.PutUint64(id[8:], within(attack, seq))
	binary.BigEndian.PutUint64(id[16:], 1<<63|within(attack, seq))
	b = hex.AppendEncode(append(b, "00-"...), id[:16])
	b = hex.AppendEncode(append(b, '-'), id[16:])
	return append(b, "-01"...)
}

// within numbers a request in its run: MaxRequests fits into the 40 bits.
func within(attack uint32, seq uint64) uint64 { return uint64(attack)<<40 | seq }
