package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/store"
)

// appTest is what the app's own pool and statements came to, over the app's configuration.
type appTest struct {
	// result is nil where the self-test was not made; notRun says why.
	result *store.SelfTest
	notRun string
	// refused is what the database answered to the statement that failed.
	refused *failure
	failed  *failure // no answer came
}

// testApp runs the self-test on the app's own pool. It holds a server connection for two round trips.
func (o *observation) testApp(ctx context.Context, s *session) {
	switch {
	case !o.wants("HD-Q19"):
		o.app.notRun = "no selected check needs it"
	case o.config.NoAnalyze:
		o.app.notRun = "no statement is run: --no-analyze"
	case s.db == nil:
		o.app.notRun = "the app's pool could not be opened"
	default:
		_ = bound(ctx, queryTimeout, func(ctx context.Context) error {
			r, err := s.db.SelfTest(ctx)
			o.app.result, o.app.refused, o.app.failed = &r, explain(ctx, "", r.Err), explain(ctx, "", err)
			return nil // it is noted
		})
	}
}

// poolRefused judges whether the app could open its pool at all, with its own reading of the URL and its own demands.
func poolRefused(o *observation) outcome {
	switch {
	case !o.opensPool():
		return notKnown("The app's pool was not opened: no selected check needs it, or --no-analyze is set.")
	case o.poolFailed == nil:
		return passed("The app's pool opens, and its sessions have the settings that the app requests.")
	case o.poolFailed.outOfTime(), o.poolFailed.cutOff():
		return notKnown("The app's pool did not open in time: %s.", o.poolFailed)
	}
	h := hit{
		evidence: fmt.Sprintf("The app cannot open its pool at %s, although the endpoint answers: %s.", o.pooler.endpoint.Address, o.poolFailed),
		remedy:   "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=20   # it logs the same error at startup",
		about:    []string{o.poolFailed.code()},
	}
	var advised interface{ Hint() string }
	if errors.As(o.poolFailed.err, &advised) {
		h.remedy += ": " + strings.TrimSuffix(maskMessage(advised.Hint()), ".")
	}
	return found(h)
}

// appStatements judges the self-test.
func appStatements(o *observation) outcome {
	t := o.app
	switch {
	case t.notRun != "":
		return notKnown("The self-test was not run: %s.", t.notRun)
	case t.failed != nil:
		return notKnown("The self-test got no answer: %s.", t.failed)
	case t.refused.cutOff():
		return notKnown("The self-test did not complete: %s waited too long: %s.", t.result.Failed, t.refused)
	case t.refused != nil:
		h := hit{
			evidence: fmt.Sprintf("In the self-test, %s fails with the app's role: %s.", t.result.Failed, t.refused),
			about:    []string{t.refused.code()},
		}
		if t.refused.code() == insufficientPrivilege {
			h.remedy = grantAll
		}
		return found(h)
	case len(t.result.Wrong) > 0:
		return found(hit{
			evidence: fmt.Sprintf("In the self-test, values come back different from what was sent: %s.%s", strings.Join(t.result.Wrong, ", "), o.formats()),
			remedy:   `psql "$DATABASE_URL" -c "SELECT name, setting, source FROM pg_settings WHERE name IN ('DateStyle', 'TimeZone', 'client_encoding', 'server_encoding', 'bytea_output')"   # what changes them: a setting, a pooler, a column type?`,
			wrong:    true,
		})
	}
	return passed("%d statements of the app, including every write, ran in one transaction that was rolled back; values came back unchanged.", t.result.Statements)
}

// insufficientPrivilege is the SQLSTATE of a right that is missing.
const insufficientPrivilege = "42501"

// grantAll gives the app's role what its statements need, as the owner of the tables.
const grantAll = `psql "$DATABASE_DIRECT_URL" -v ON_ERROR_STOP=1 -v app="$(psql "$DATABASE_URL" -Atc 'SELECT current_user')" <<'SQL'
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), :'app') \gexec
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', current_schema(), :'app') \gexec
SELECT format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', current_schema(), :'app') \gexec
SQL`

// formats names the settings that decide how values are written.
func (o *observation) formats() string {
	var parts []string
	for _, name := range []string{"DateStyle", "client_encoding", "server_encoding", "bytea_output"} {
		if s := o.facts.setting(name); s.name != "" {
			parts = append(parts, name+" "+s.next())
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " The database's settings: " + strings.Join(parts, ", ") + "."
}

// otherSettings judges what the app itself complains of at its start, but for what has a check of its own: read-only
// transactions (HD-D19) and time-outs (HD-D20).
func otherSettings(o *observation) outcome {
	if !o.opensPool() || o.proof == nil {
		return notKnown("The app's pool was not opened, or could not be opened.")
	}
	var hits []hit
	for _, w := range o.proof.Warnings {
		switch w.Setting {
		case readOnlyDefault, "statement_timeout", "lock_timeout", "transaction_timeout":
			continue
		}
		h := hit{evidence: firstUpper(w.Error()) + ".", about: []string{w.Setting}}
		switch w.Setting {
		case "server_encoding":
			h.remedy = `psql "$DATABASE_DIRECT_URL" -c 'SHOW server_encoding'   # dump the database and restore it into one created with ENCODING 'UTF8'`
		case "search_path":
			h.remedy = `psql "$DATABASE_URL" -c 'SHOW search_path' -c '\dt *.tasks'   # ALTER ROLE CURRENT_USER SET search_path = the schema that has the tables; if none has: honeydue migrate up`
		default:
			h.remedy = o.facts.setting(w.Setting).reset()
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "The database's settings are the ones the app relies on.")
}

func firstUpper(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
