package api

import (
	"iter"
	"strconv"
	"strings"
)

// maxTimings bounds what is kept of one Server-Timing header.
const maxTimings = 16

// ParseServerTiming reads a Server-Timing header into milliseconds by name, the
// unit in the name: `db;dur=112.4;desc="1 turn"` gives db_ms: 112.4. Metrics
// without a duration are left out; what makes no sense is skipped.
func ParseServerTiming(header string) map[string]float64 {
	out := make(map[string]float64)
	for metric := range splitOutsideQuotes(header, ',') {
		name, dur, found := "", 0.0, false
		for param := range splitOutsideQuotes(metric, ';') {
			param = strings.TrimSpace(param)
			key, value, _ := strings.Cut(param, "=")
			switch {
			case name == "":
				name = strings.TrimSpace(param)
			case strings.EqualFold(strings.TrimSpace(key), "dur"):
				ms, err := strconv.ParseFloat(strings.Trim(strings.TrimSpace(value), `"`), 64)
				if err == nil && ms >= 0 && ms < 1e12 {
					dur, found = ms, true
				}
			}
		}
		if name != "" && found && len(out) < maxTimings {
			out[name+"_ms"] = dur
		}
	}
	return out
}

// splitOutsideQuotes yields the parts of s between separators that stand in no
// quoted string.
func splitOutsideQuotes(s string, sep byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(s); i++ {
			switch {
			case quoted && s[i] == '\\':
				i++
			case s[i] == '"':
				quoted = !quoted
			case s[i] == sep && !quoted:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}
