package check

import (
	"cmp"
	"fmt"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

func poolerDown(o *facts.Observation) Outcome {
	f := o.Pooler.Failed
	if f == nil || !f.Network() && !f.OfTheURL() || len(o.Ways.Startup.OfURL) > 0 {
		return passed("%s was reached in %d turns, %.0f ms.", o.Pooler.Endpoint.Address, o.Pooler.Endpoint.ConnectTurns, o.Pooler.Endpoint.ConnectMS)
	}
	return found(hit{
		Evidence: fmt.Sprintf("%s: %s.", cmp.Or(o.Pooler.Endpoint.Address, "the database URL"), f),
		Remedy:   Repair(f, "DATABASE_URL", o.Pooler.Endpoint.Address),
	})
}

// behind reports that the app's endpoint was reached and yet no statement came back.
func behind(o *facts.Observation) bool {
	f := o.Pooler.Failed
	return f != nil && !f.Network() && !f.OfTheURL() && len(o.Ways.Startup.OfURL) == 0
}

// directUp reports that Postgres itself is well enough to answer, if only that the direct URL is wrong.
func directUp(o *facts.Observation) bool {
	return o.Direct != nil && (o.Direct.Failed == nil || o.Direct.Failed.OfTheURL())
}

func databaseDown(o *facts.Observation) Outcome {
	switch {
	case o.Pooler.Failed == nil:
		return passed("A statement came back from Postgres %s.", version(o.Pooler.ServerVersion))
	case directUp(o):
		return passed("The direct endpoint answers.")
	case behind(o):
		evidence := fmt.Sprintf("%s accepts connections, but no statement gets an answer: %s.", o.Pooler.Endpoint.Address, o.Pooler.Failed)
		if o.Direct != nil {
			evidence += fmt.Sprintf(" The direct endpoint fails too: %s.", o.Direct.Failed)
		}
		return found(hit{Evidence: evidence, Remedy: Repair(o.Pooler.Failed, "DATABASE_URL", o.Pooler.Endpoint.Address)})
	case o.Direct != nil && o.Direct.Failed.Kind != facts.KindURL:
		return found(hit{
			Evidence: fmt.Sprintf("Neither the app's endpoint nor the direct endpoint %s answers: %s.", o.Direct.Endpoint.Address, o.Direct.Failed),
			Remedy:   Repair(o.Direct.Failed, "DATABASE_DIRECT_URL", o.Direct.Endpoint.Address),
		})
	default:
		return notKnown("The app's endpoint cannot be used, and no direct endpoint is configured for comparison.")
	}
}

func poolerStuck(o *facts.Observation) Outcome {
	if o.Pooler.Failed == nil {
		return passed("The app's endpoint serves the clients that it accepts.")
	}
	if !behind(o) {
		return notKnown("The app's endpoint rejects the connection parameters.")
	}
	if !directUp(o) {
		return notKnown("Without a working direct endpoint, it is unknown whether the pooler or the database is at fault.")
	}
	answers := "answers, although with an error about its own URL"
	if o.Direct.Failed == nil {
		answers = fmt.Sprintf("answers in %.0f ms", reachMS(o.Direct.Endpoint))
	}
	h := stuck(o)
	h.Evidence = fmt.Sprintf("%s accepts connections, but no statement gets an answer through it (%s); the direct endpoint %s.%s",
		o.Pooler.Endpoint.Address, o.Pooler.Failed, answers, h.Evidence)
	return found(h)
}

func directDown(o *facts.Observation) Outcome {
	f := o.Direct.Failed
	if f == nil && o.Direct.Pooled {
		return found(hit{
			Evidence: fmt.Sprintf("%s is a pooler: %s.", o.Direct.Endpoint.Address, o.Direct.Proof),
			Remedy:   notThePooler(o.Direct.Endpoint.Address),
		})
	}
	if f == nil && o.Direct.Standby {
		return found(hit{
			Evidence: fmt.Sprintf("%s is a standby (pg_is_in_recovery() is true): migrations fail there with 25006.", o.Direct.Endpoint.Address),
			Remedy:   `psql "$DATABASE_DIRECT_URL" -c 'SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn()'   # DATABASE_DIRECT_URL (or DB_DIRECT_HOST) must name the primary`,
			about:    []string{standbyEndpoint},
		})
	}
	if f == nil {
		return passed("%s was reached in %d turns.", o.Direct.Endpoint.Address, o.Direct.Endpoint.ConnectTurns)
	}
	return found(hit{
		Evidence: fmt.Sprintf("%s: %s.", cmp.Or(o.Direct.Endpoint.Address, "the direct URL"), f),
		Remedy:   Repair(f, "DATABASE_DIRECT_URL", o.Direct.Endpoint.Address),
	})
}

func migrationsBehind(o *facts.Observation) Outcome {
	switch {
	case o.MigrationsFailed != nil:
		return notKnown("The state of the migrations could not be read: %s.", o.MigrationsFailed)
	case len(o.Pending) > 0:
		return found(hit{Evidence: fmt.Sprintf("%s pending; the first is %s.", facts.Plural(len(o.Pending), "migration is", "migrations are"), o.Pending[0])})
	}
	return passed("Every migration of this version is applied.")
}

func helloRetry(o *facts.Observation) Outcome {
	t := o.Pooler.Endpoint.TLS
	if t == nil {
		return passed("The connection is not encrypted.")
	}
	if !t.HelloRetry {
		return passed("%s with %s in one turn.", t.Version, t.Curve)
	}
	return found(hit{
		Remedy: otherCurve(o),
		Evidence: fmt.Sprintf("%s answers with HelloRetryRequest and negotiates %s: each new connection takes one extra turn (%.0f ms). Open connections are not affected.",
			o.Pooler.Endpoint.Address, t.Curve, o.Pooler.Endpoint.FloorMS),
	})
}

// otherCurve makes the app's endpoint take X25519, the key share that Go offers first. Postgres before 18 has a setting
// for one curve, does not know X25519 by it, and would not start with that.
func otherCurve(o *facts.Observation) string {
	switch {
	case o.Pooler.Pooled:
		return facts.SetPooler("client_tls_ecdhcurve", "auto")
	case o.Pooler.ServerVersion >= 180000:
		return `psql "$DATABASE_DIRECT_URL" -c "ALTER SYSTEM SET ssl_groups = 'X25519:prime256v1'" -c 'SELECT pg_reload_conf()'`
	}
	return fmt.Sprintf("openssl s_client -starttls postgres -connect %s -groups X25519 </dev/null   # refused: Postgres supports X25519 from version 18 (ssl_groups); a pooler in front of it can also offer it", o.Pooler.Endpoint.Address)
}

// version writes server_version_num as people say it: 150018 is 15.18.
func version(n int) string { return fmt.Sprintf("%d.%d", n/10000, n%10000) }
