package facts

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AppSetting is a setting that the app relies on, as its sessions begin with it.
type AppSetting struct {
	Name string
	// Value is that of the session that was asked. given is what ALTER ROLE, ALTER DATABASE or both give to the
	// next one, which wins over the server's configuration; nil where neither names it.
	Value string
	Unit  string // of value where it is a number: ms for a time-out
	Given *GivenSetting
}

// Setting is one of the session's; its zero value where the server has none of that name.
func (f *DatabaseFacts) Setting(name string) AppSetting {
	if f == nil {
		return AppSetting{}
	}
	i := slices.IndexFunc(f.Session, func(s AppSetting) bool { return s.Name == name })
	if i < 0 {
		return AppSetting{}
	}
	return f.Session[i]
}

// Next is the value that the next session begins with.
func (s AppSetting) Next() string {
	if s.Given != nil {
		return s.Given.Value
	}
	return s.Value
}

// Where names what sets it.
func (s AppSetting) Where() string {
	if s.Given != nil {
		return "set for " + s.Given.Of()
	}
	return "set in the server's configuration, or by a session before this one"
}

// ResetOf returns the command that takes the setting back where it was set.
func (s AppSetting) ResetOf() string {
	if s.Given != nil {
		return s.Given.Reset()
	}
	return fmt.Sprintf(`psql "$DATABASE_URL" -c "SELECT setting, source, sourcefile FROM pg_settings WHERE name = '%[1]s'"   # source is "configuration file": as a superuser ALTER SYSTEM RESET %[1]s, then SELECT pg_reload_conf(); "default": psql "$PGBOUNCER_ADMIN_URL" -c RECONNECT`, s.Name)
}

// IsOn reads a boolean as Postgres does.
func IsOn(value string) bool {
	return slices.Contains([]string{"on", "true", "yes", "1", "t", "y", "tr", "tru", "ye"}, strings.ToLower(value))
}

// Timeout reads the value of a time-out: a number in the setting's unit, or with one of its own. No limit and what
// can't be read are 0.
func (s AppSetting) Timeout() time.Duration {
	value := strings.TrimSpace(s.Next())
	digits := strings.TrimRight(value, "abcdefghijklmnopqrstuvwxyz ")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n <= 0 {
		return 0
	}
	units := map[string]time.Duration{
		"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}
	unit, ok := units[strings.TrimSpace(value[len(digits):])]
	if !ok {
		unit = units[cmp.Or(s.Unit, "ms")]
	}
	if d := n * float64(unit); d < math.MaxInt64 {
		return time.Duration(d)
	}
	return math.MaxInt64
}
