package collect

import (
	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

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

func scanSession(f *facts.SessionFacts, rows pgx.Rows) error {
	var s facts.AppSetting
	var given *string
	var g facts.GivenSetting
	_, err := pgx.ForEachRow(rows, []any{&s.Name, &s.Value, &s.Unit, &given, &g.Role, &g.EveryRole, &g.Database}, func() error {
		s.Given = nil
		if given != nil {
			own := g
			own.Name, own.Value = s.Name, *given
			s.Given = &own
		}
		f.Session = append(f.Session, s)
		return nil
	})
	return err
}
