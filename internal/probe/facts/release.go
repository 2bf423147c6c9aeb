package facts

import (
	"slices"
	"strconv"
	"strings"
)

// The servers that the table knows.
const (
	PostgresName  = "Postgres"
	PGBouncerName = "PgBouncer"
	RedisName     = "Redis"
	ValkeyName    = "Valkey"
)

// Release is a version of a server as numbers: 1.26.1 or 15.18.
type Release []int

// ParseRelease reads the numbers at the begin of a version; nil where it begins with none.
func ParseRelease(text string) Release {
	var out Release
	for part := range strings.SplitSeq(text, ".") {
		digits := part
		if i := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			digits = part[:i]
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			break
		}
		if out = append(out, n); digits != part {
			break
		}
	}
	return out
}

// Before reports whether r is the older release.
func (r Release) Before(other Release) bool { return slices.Compare(r, other) < 0 }

// SameLine reports whether two releases differ by fixes only: their first so many numbers are the same.
func (r Release) SameLine(other Release, numbers int) bool {
	return len(r) >= numbers && len(other) >= numbers && slices.Equal(r[:numbers], other[:numbers])
}

func (r Release) String() string {
	parts := make([]string, len(r))
	for i, n := range r {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ".")
}
