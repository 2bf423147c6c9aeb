package store

import (
	"fmt"
	"strings"
)

// ThroughPooler tells whether a pooler stands between a client and its
// backend, and in one sentence how that was proved: announced is the PID of the
// start-up, backend the one in which a statement ran. Neon's proxy announces a
// PID of its own at every endpoint, so there the name has to say it: see
// docs/decisions/0021.
func ThroughPooler(host string, announced, backend uint32) (pooled bool, how string) {
	if label, ok := neonLabel(host); ok {
		if strings.HasSuffix(label, neonPooled) {
			return true, fmt.Sprintf("the host's first label ends in %s, as Neon names its pooler; its proxy invents the PIDs", neonPooled)
		}
		return false, fmt.Sprintf("the host's first label does not end in %s, as Neon names its pooler; its proxy invents the PIDs", neonPooled)
	}
	if announced != backend {
		return true, fmt.Sprintf("PID %d was announced at startup, but the statement ran in backend %d", announced, backend)
	}
	return false, fmt.Sprintf("PID %d was announced at startup, and the statement ran in that backend", announced)
}

// NeonPooler is the host of the pooler that Neon keeps beside an endpoint of
// its own; empty for a host of anyone else's, and for a pooler.
func NeonPooler(host string) string {
	label, ok := neonLabel(host)
	if !ok || strings.HasSuffix(label, neonPooled) {
		return ""
	}
	return label + neonPooled + host[len(label):]
}

// neonPooled ends the first label of a pooler of Neon's
// (neon.com/docs/connect/connection-pooling).
const neonPooled = "-pooler"

// neonLabel is the first label of a host of Neon's, in lower case.
func neonLabel(host string) (label string, ok bool) {
	label, rest, _ := strings.Cut(strings.ToLower(host), ".")
	rest = "." + strings.TrimSuffix(rest, ".")
	return label, label != "" && strings.HasSuffix(rest, ".neon.tech")
}
