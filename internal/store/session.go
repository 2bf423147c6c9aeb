package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// sessionParameters are what each connection asks for at its start, whatever
// the database, the role or the environment says. These four are all that
// PgBouncer takes from a client and carries to the server connection; they are
// written as Postgres reports them, or PgBouncer would set them anew for each
// transaction.
var sessionParameters = map[string]string{ //nolint:gochecknoglobals // a table, never written
	"client_encoding":             "UTF8",
	"datestyle":                   "ISO, MDY",
	"timezone":                    "UTC",
	"standard_conforming_strings": "on",
}

// setSession has the connections of cc ask for sessionParameters.
func setSession(cc *pgx.ConnConfig) {
	for name := range cc.RuntimeParams {
		if _, ours := sessionParameters[strings.ToLower(name)]; ours {
			delete(cc.RuntimeParams, name)
		}
	}
	for name, value := range sessionParameters {
		cc.RuntimeParams[name] = value
	}
}

// withoutTimeouts is a connection's first statement on the direct endpoint: a
// limit that a role has for the service's short statements would end a
// migration, a COPY or a VACUUM. It must not be sent to a pooler, where it
// would stay behind in the server connection.
func withoutTimeouts(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, timeoutsOff.SQL).ReadAll()
	if err != nil {
		return fmt.Errorf("cannot turn off the session's timeouts: %w", err)
	}
	return nil
}

var timeoutsOff = Query{
	Name: "timeouts_off",
	SQL: `/* timeouts_off */ SELECT set_config(name, '0', false) FROM pg_settings
WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout') AND setting <> '0'`,
	Sample: func(Subject) []any { return nil },
}

// SettingProblem is a setting of the server under which the service does not
// work as it should, and which no connection can change for itself.
type SettingProblem struct {
	Setting, Value string
	problem        string
	hint           string
}

func (w *SettingProblem) Error() string { return w.problem }

// Hint says what to run.
func (w *SettingProblem) Hint() string { return w.hint }

// serverSettings is what poolProof reads besides the PID.
type serverSettings struct {
	Settings map[string]string `json:"settings"`
	Tables   bool              `json:"tables"` // the tables are in the search_path
	Role     string            `json:"role"`
	Database string            `json:"database"`
}

func readSettings(text []byte) (serverSettings, error) {
	var s serverSettings
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("the answer to %s cannot be read: %w", poolProof.Name, err)
	}
	return s, nil
}

// refuse returns an error if a session parameter did not arrive: values would
// be misread or stored garbled.
func (s serverSettings) refuse() error {
	for name, want := range sessionParameters {
		if got := s.value(name); got != want {
			return &SettingProblem{
				Setting: name, Value: got,
				problem: fmt.Sprintf("connections request %s = %q at startup, but statements run with %q", name, want, got),
				hint:    fmt.Sprintf("Remove %s from ignore_startup_parameters and connect_query of the pooler.", name),
			}
		}
	}
	return nil
}

// value of a setting, whose name Postgres may write with capitals.
func (s serverSettings) value(name string) string {
	for n, v := range s.Settings {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}

// warnings judges the settings by what the service relies on; limit is the
// service's own limit of a statement.
func (s serverSettings) warnings(limit time.Duration) []*SettingProblem {
	var out []*SettingProblem
	warn := func(name, better, problem string) {
		out = append(out, &SettingProblem{
			Setting: name, Value: s.value(name),
			problem: fmt.Sprintf("%s is %q for role %s in database %s: %s", name, s.value(name), s.Role, s.Database, problem),
			hint: fmt.Sprintf("Run ALTER ROLE %s IN DATABASE %s SET %s = %s; and have the pooler open new server connections (RECONNECT).",
				quoteName(s.Role), quoteName(s.Database), name, better),
		})
	}
	if s.value("default_transaction_read_only") == "on" {
		warn("default_transaction_read_only", "off", "every write is refused")
	}
	if s.value("default_transaction_isolation") != "read committed" {
		warn("default_transaction_isolation", "'read committed'", "concurrent writes fail with a serialization error")
	}
	if s.value("synchronous_commit") == "off" {
		warn("synchronous_commit", "on", "a write that was acknowledged is lost if the server crashes soon after it")
	}
	if s.value("session_replication_role") != "origin" {
		warn("session_replication_role", "origin", "triggers and foreign keys are off")
	}
	for _, name := range []string{"statement_timeout", "lock_timeout", "transaction_timeout"} {
		ms, err := strconv.ParseInt(s.value(name), 10, 64)
		if err == nil && ms > 0 && time.Duration(ms)*time.Millisecond < limit {
			warn(name, "0", fmt.Sprintf("statements are ended after %d ms, before the service's own limit of %d ms", ms, limit.Milliseconds()))
		}
	}
	if encoding := s.value("server_encoding"); encoding != "UTF8" {
		out = append(out, &SettingProblem{
			Setting: "server_encoding", Value: encoding,
			problem: fmt.Sprintf("database %s is encoded in %s, so texts with other characters cannot be stored", s.Database, encoding),
			hint:    "Dump it, and restore it into a database that was created with ENCODING 'UTF8'.",
		})
	}
	if !s.Tables {
		out = append(out, &SettingProblem{
			Setting: "search_path", Value: s.value("search_path"),
			problem: fmt.Sprintf("the tables are not in the search_path (%s) of role %s in database %s", s.value("search_path"), s.Role, s.Database),
			hint: fmt.Sprintf("Run honeydue migrate up, or ALTER ROLE %s IN DATABASE %s SET search_path = the schema that has them;",
				quoteName(s.Role), quoteName(s.Database)),
		})
	}
	return out
}

func quoteName(name string) string { return pgx.Identifier{name}.Sanitize() }
