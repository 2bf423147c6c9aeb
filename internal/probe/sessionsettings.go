package probe

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// appSetting is a setting that the app relies on, as its sessions begin with it.
type appSetting struct {
	name string
	// value is that of the session that was asked. given is what ALTER ROLE, ALTER DATABASE or both give to the
	// next one, which wins over the server's configuration; nil where neither names it.
	value string
	unit  string // of value where it is a number: ms for a time-out
	given *givenSetting
}

// sessionSQL reads the settings that decide whether the app's statements work. reset_val is what the session began
// with, whatever this transaction has set.
const sessionSQL = `
SELECT g.name, coalesce(g.reset_val, ''), coalesce(g.unit, ''), s.value, coalesce(s.setrole <> 0, false),
	coalesce(s.setrole = 0 AND s.setdatabase = 0, false), coalesce(s.setdatabase <> 0, false)
FROM pg_settings g LEFT JOIN LATERAL (
	SELECT r.setrole, r.setdatabase, substr(c, strpos(c, '=') + 1) AS value
	FROM pg_db_role_setting r, unnest(r.setconfig) c
	WHERE lower(split_part(c, '=', 1)) = lower(g.name)
		AND r.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
		AND r.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
	ORDER BY r.setrole <> 0 DESC, r.setdatabase <> 0 DESC LIMIT 1
) s ON true
WHERE g.name IN ('default_transaction_read_only', 'statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_session_timeout',
	'default_transaction_isolation', 'synchronous_commit', 'session_replication_role',
	'DateStyle', 'client_encoding', 'server_encoding', 'bytea_output', 'standard_conforming_strings')
ORDER BY g.name`

func (f *sessionFacts) scanSession(rows pgx.Rows) error {
	var s appSetting
	var given *string
	var g givenSetting
	_, err := pgx.ForEachRow(rows, []any{&s.name, &s.value, &s.unit, &given, &g.role, &g.everyRole, &g.database}, func() error {
		s.given = nil
		if given != nil {
			own := g
			own.name, own.value = s.name, *given
			s.given = &own
		}
		f.session = append(f.session, s)
		return nil
	})
	return err
}

// setting is one of the session's; its zero value where the server has none of that name.
func (f *databaseFacts) setting(name string) appSetting {
	if f == nil {
		return appSetting{}
	}
	i := slices.IndexFunc(f.session, func(s appSetting) bool { return s.name == name })
	if i < 0 {
		return appSetting{}
	}
	return f.session[i]
}

// next is the value that the next session begins with.
func (s appSetting) next() string {
	if s.given != nil {
		return s.given.value
	}
	return s.value
}

// where names what sets it.
func (s appSetting) where() string {
	if s.given != nil {
		return "set for " + s.given.of()
	}
	return "set in the server's configuration, or by a session before this one"
}

// reset returns the command that takes the setting back where it was set.
func (s appSetting) reset() string {
	if s.given != nil {
		return s.given.reset()
	}
	return fmt.Sprintf(`psql "$DATABASE_URL" -c "SELECT setting, source, sourcefile FROM pg_settings WHERE name = '%[1]s'"   # source is "configuration file": as a superuser ALTER SYSTEM RESET %[1]s, then SELECT pg_reload_conf(); "default": psql "$PGBOUNCER_ADMIN_URL" -c RECONNECT`, s.name)
}

// isOn reads a boolean as Postgres does.
func isOn(value string) bool {
	return slices.Contains([]string{"on", "true", "yes", "1", "t", "y", "tr", "tru", "ye"}, strings.ToLower(value))
}

// timeout reads the value of a time-out: a number in the setting's unit, or with one of its own. No limit and what
// can't be read are 0.
func (s appSetting) timeout() time.Duration {
	value := strings.TrimSpace(s.next())
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
		unit = units[orElse(s.unit, "ms")]
	}
	if d := n * float64(unit); d < math.MaxInt64 {
		return time.Duration(d)
	}
	return math.MaxInt64
}
