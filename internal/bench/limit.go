package bench

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// limitOf names what a phase that missed its target ran out of, from what is
// seen of it: the errors, if they are the larger part of what was over; else what
// the parts behind the server told meanwhile; else the largest part of the time of
// the slowest requests, as the server accounts for it. stood is a phase at a lower
// rate that was on target, nil if there is none. evidence says what it rests on.
func limitOf(p Phase, stood *Phase) (name, evidence string) {
	if words, n := commonestErrors(p.ErrorKinds); p.Over > 0 && 2*p.Errors > p.Over && words != timedOut {
		// A server that gives up waiting for what is behind it answers 5xx.
		if words == serverErrors {
			if name, evidence := limitBehind(p, "acquire", stood); name != "" {
				return name, evidence
			}
		}
		return "errors: " + words, fmt.Sprintf("%d of the %d requests over the target at %.4g/s failed, %d of them with %s", p.Errors, p.Over, p.Rate.Planned, n, words)
	}
	parts, total, told := make(map[string]float64), 0.0, 0
	for _, s := range p.Slowest {
		if s.LatencyMS <= 0 {
			continue
		}
		total += s.LatencyMS
		rest := s.LatencyMS - s.LagMS - s.QueueMS
		parts["queue"] += s.QueueMS
		if len(s.ServerTiming) > 0 {
			told++
		}
		for _, name := range serverParts() {
			took := min(s.ServerTiming[name+"_ms"], max(rest, 0))
			parts[name] += took
			rest -= took
		}
		parts["rest"] += max(rest, 0)
	}
	if total == 0 {
		return "what can't be seen from here", "no request was answered"
	}
	largest := slices.MaxFunc(slices.Sorted(maps.Keys(parts)), func(a, b string) int { return cmp.Compare(parts[a], parts[b]) })
	if name, evidence := limitBehind(p, largest, stood); name != "" {
		return name, evidence
	}
	if largest == "rest" && told == 0 {
		return "the server, which does not say by what (no Server-Timing)",
			fmt.Sprintf("%.0f%% of the time of the slowest %d requests at %.4g/s passed in the server", 100*parts["rest"]/total, len(p.Slowest), p.Rate.Planned)
	}
	words := map[string][2]string{
		"queue":   {"connections to the server (--max-connections, or dialing)", "waiting for a connection to the server"},
		"acquire": {"the server's pool of database connections", "waiting for a database connection (acquire)"},
		"db":      {"the database and the way to it", "in the database and on the way to it (db)"},
		"redis":   {"Redis", "in Redis"},
		"app":     {"the server's own code or CPU", "in the server's own code (app)"},
		"rest":    {"what comes before the server's own account: its accept queue, its CPU or the network", "outside the server's own account"},
	}[largest]
	return words[0], fmt.Sprintf("the slowest %d requests at %.4g/s spent %.0f%% of their time %s", len(p.Slowest), p.Rate.Planned, 100*parts[largest]/total, words[1])
}

// What errors say about a limit, in words; kinds that say the same are one.
const (
	serverErrors = "the server's own (5xx)"
	timedOut     = "timeouts"
)

// commonestErrors is what most of the errors say, and how many they are.
func commonestErrors(kinds map[string]int) (words string, n int) {
	sums := make(map[string]int)
	for kind, count := range kinds {
		sums[errorWords(Kind(kind))] += count
	}
	for _, w := range slices.Sorted(maps.Keys(sums)) {
		if sums[w] > n {
			words, n = w, sums[w]
		}
	}
	return words, n
}

func errorWords(k Kind) string {
	switch {
	case k.TimedOut():
		return timedOut
	case k.Status() == http.StatusTooManyRequests:
		return "a rate limit (429)"
	case k.ofServer():
		return serverErrors
	}
	switch k.Class() {
	case KindConnect:
		return "refused connections"
	case KindReset, KindRetried, KindBody, KindGoAway, KindStream:
		return "broken connections"
	}
	return string(k)
}
