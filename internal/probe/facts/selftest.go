package facts

import (
	"strings"

	"github.com/honeydue/honeydue/internal/store"
)

// appTest is what the app's own pool and statements came to, over the app's configuration.
type appTest struct {
	// Result is nil where the self-test was not made; notRun says why.
	Result *store.SelfTest
	NotRun string
	// Refused is what the database answered to the statement that failed.
	Refused *Failure
	Failed  *Failure // no answer came
}

// InsufficientPrivilege is the SQLSTATE of a right that is missing.
const InsufficientPrivilege = "42501"

// GrantAll gives the app's role what its statements need, as the owner of the tables.
const GrantAll = `psql "$DATABASE_DIRECT_URL" -v ON_ERROR_STOP=1 -v app="$(psql "$DATABASE_URL" -Atc 'SELECT current_user')" <<'SQL'
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), :'app') \gexec
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', current_schema(), :'app') \gexec
SELECT format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', current_schema(), :'app') \gexec
SQL`

// Formats names the settings that decide how values are written.
func (o *Observation) Formats() string {
	var parts []string
	for _, name := range []string{"DateStyle", "client_encoding", "server_encoding", "bytea_output"} {
		if s := o.Facts.Setting(name); s.Name != "" {
			parts = append(parts, name+" "+s.Next())
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " The database's settings: " + strings.Join(parts, ", ") + "."
}

// FirstUpper makes a sentence's first letter a capital.
func FirstUpper(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
