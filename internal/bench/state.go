package bench

import "strings"

// State is what the server's caches knew when a request came, as the reply's
// Cache-Status (RFC 9211) says it.
type State string

// The states. A phase takes only samples of its own state into its figures.
const (
	AnyState   State = ""           // the phase takes all samples
	Warm       State = "warm"       // every cache that was asked had the answer
	Cold       State = "cold"       // the token was not cached: a user's first request in an hour
	Partly     State = "partly"     // something was cached and something not
	NotStated  State = "not stated" // the reply has no Cache-Status
	tokenCache       = "token"      // the member of Cache-Status that makes a request cold
)

// stateOf reads a Cache-Status header: a list of caches, each with its
// parameters, such as `token; hit, user; fwd=miss`.
func stateOf(cacheStatus string) State {
	members, hits, cold := 0, 0, false
	for member := range strings.SplitSeq(cacheStatus, ",") {
		name, parameters, _ := strings.Cut(strings.TrimSpace(member), ";")
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		members++
		switch {
		case isHit(parameters):
			hits++
		case name == tokenCache:
			cold = true
		}
	}
	switch {
	case members == 0:
		return NotStated
	case members == hits:
		return Warm
	case cold:
		return Cold
	}
	return Partly
}

func isHit(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		if strings.TrimSpace(p) == "hit" {
			return true
		}
	}
	return false
}
