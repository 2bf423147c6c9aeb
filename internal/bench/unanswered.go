package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// shownFailures is how many kinds of failures a reason names, the commonest first.
const shownFailures = 3

// Unanswered is how many requests the run sent where not one of them came as far
// as a connection, and the commonest kind of their failures. 0: nothing was sent,
// or something was answered.
func (r Result) Unanswered() (commonest Kind, requests int) {
	kinds := make(map[string]int)
	for _, p := range r.Phases {
		if p.Errors < p.Requests || len(p.Apart) > 0 {
			return KindNone, 0
		}
		for kind, n := range p.ErrorKinds {
			if !Kind(kind).beforeConnection() {
				return KindNone, 0
			}
			kinds[kind] += n
		}
		requests += p.Requests
	}
	if requests == 0 {
		return KindNone, 0
	}
	return Kind(byCount(kinds)[0]), requests
}

// beforeConnection reports whether a request that failed so had no connection.
func (k Kind) beforeConnection() bool {
	switch k {
	case KindDNS, KindTimeoutQueue, KindConnect, KindTimeoutDial, KindTLS, KindTimeoutTLS:
		return true
	}
	return false
}

// whatFailed is the reason that a phase's failed requests give, none without any.
func (p Phase) whatFailed() []string {
	if p.Errors == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of %d requests failed: %s", p.Errors, p.Requests, commonest(p.ErrorKinds))}
}

// commonest names the commonest kinds of failures, of which there is one at least.
func commonest(of map[string]int) string {
	kinds := byCount(of)
	if len(kinds) == 1 {
		return kinds[0]
	}
	parts := make([]string, 0, shownFailures)
	for _, kind := range kinds[:min(shownFailures, len(kinds))] {
		parts = append(parts, fmt.Sprintf("%d %s", of[kind], kind))
	}
	return strings.Join(parts, ", ")
}

// byCount are the kinds, the commonest first.
func byCount(kinds map[string]int) []string {
	return slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		return cmp.Or(cmp.Compare(kinds[b], kinds[a]), cmp.Compare(a, b))
	})
}
