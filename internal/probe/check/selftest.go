package check

import (
	"errors"
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// poolRefused judges whether the app could open its pool at all, with its own reading of the URL and its own demands.
func poolRefused(o *facts.Observation) Outcome {
	switch {
	case !OpensPool(o):
		return notKnown("The app's pool was not opened: no selected check needs it, or --no-analyze is set.")
	case o.PoolFailed == nil:
		return passed("The app's pool opens, and its sessions have the settings that the app requests.")
	case o.PoolFailed.OutOfTime(), o.PoolFailed.CutOff():
		return notKnown("The app's pool did not open in time: %s.", o.PoolFailed)
	}
	h := hit{
		Evidence: fmt.Sprintf("The app cannot open its pool at %s, although the endpoint answers: %s.", o.Pooler.Endpoint.Address, o.PoolFailed),
		Remedy:   "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=20   # it logs the same error at startup",
		about:    []string{o.PoolFailed.Code()},
	}
	var advised interface{ Hint() string }
	if errors.As(o.PoolFailed.Err, &advised) {
		h.Remedy += ": " + strings.TrimSuffix(facts.MaskMessage(advised.Hint()), ".")
	}
	return found(h)
}

// appStatements judges the self-test.
func appStatements(o *facts.Observation) Outcome {
	t := o.App
	switch {
	case t.NotRun != "":
		return notKnown("The self-test was not run: %s.", t.NotRun)
	case t.Failed != nil:
		return notKnown("The self-test got no answer: %s.", t.Failed)
	case t.Refused.CutOff():
		return notKnown("The self-test did not complete: %s waited too long: %s.", t.Result.Failed, t.Refused)
	case t.Refused != nil:
		h := hit{
			Evidence: fmt.Sprintf("In the self-test, %s fails with the app's role: %s.", t.Result.Failed, t.Refused),
			about:    []string{t.Refused.Code()},
		}
		if t.Refused.Code() == facts.InsufficientPrivilege {
			h.Remedy = facts.GrantAll
		}
		return found(h)
	case len(t.Result.Wrong) > 0:
		return found(hit{
			Evidence: fmt.Sprintf("In the self-test, values come back different from what was sent: %s.%s", strings.Join(t.Result.Wrong, ", "), o.Formats()),
			Remedy:   `psql "$DATABASE_URL" -c "SELECT name, setting, source FROM pg_settings WHERE name IN ('DateStyle', 'TimeZone', 'client_encoding', 'server_encoding', 'bytea_output')"   # what changes them: a setting, a pooler, a column type?`,
			wrong:    true,
		})
	}
	return passed("%d statements of the app, including every write, ran in one transaction that was rolled back; values came back unchanged.", t.Result.Statements)
}

// otherSettings judges what the app itself complains of at its start, but for what has a check of its own: read-only
// transactions (HD-D19) and time-outs (HD-D20).
func otherSettings(o *facts.Observation) Outcome {
	if !OpensPool(o) || o.Proof == nil {
		return notKnown("The app's pool was not opened, or could not be opened.")
	}
	var hits []hit
	for _, w := range o.Proof.Warnings {
		switch w.Setting {
		case facts.ReadOnlyDefault, "statement_timeout", "lock_timeout", "transaction_timeout":
			continue
		}
		h := hit{Evidence: facts.FirstUpper(w.Error()) + ".", about: []string{w.Setting}}
		switch w.Setting {
		case "server_encoding":
			h.Remedy = `psql "$DATABASE_DIRECT_URL" -c 'SHOW server_encoding'   # dump the database and restore it into one created with ENCODING 'UTF8'`
		case "search_path":
			h.Remedy = `psql "$DATABASE_URL" -c 'SHOW search_path' -c '\dt *.tasks'   # ALTER ROLE CURRENT_USER SET search_path = the schema that has the tables; if none has: honeydue migrate up`
		default:
			h.Remedy = o.Facts.Setting(w.Setting).ResetOf()
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "The database's settings are the ones the app relies on.")
}
