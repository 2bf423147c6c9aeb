package probe

import (
	"cmp"
	"fmt"
)

func poolerDown(o *observation) outcome {
	f := o.pooler.failed
	if f == nil || !f.network() && !f.ofTheURL() || len(o.ways.startup.ofURL) > 0 {
		return passed("%s was reached in %d turns, %.0f ms.", o.pooler.endpoint.Address, o.pooler.endpoint.ConnectTurns, o.pooler.endpoint.ConnectMS)
	}
	return found(hit{
		evidence: fmt.Sprintf("%s: %s.", cmp.Or(o.pooler.endpoint.Address, "the database URL"), f),
		remedy:   repair(f, "DATABASE_URL", o.pooler.endpoint.Address),
	})
}

// behind reports that the app's endpoint was reached and yet no statement came back.
func behind(o *observation) bool {
	f := o.pooler.failed
	return f != nil && !f.network() && !f.ofTheURL() && len(o.ways.startup.ofURL) == 0
}

// directUp reports that Postgres itself is well enough to answer, if only that the direct URL is wrong.
func directUp(o *observation) bool {
	return o.direct != nil && (o.direct.failed == nil || o.direct.failed.ofTheURL())
}

func databaseDown(o *observation) outcome {
	switch {
	case o.pooler.failed == nil:
		return passed("A statement came back from Postgres %s.", version(o.pooler.serverVersion))
	case directUp(o):
		return passed("The direct endpoint answers.")
	case behind(o):
		evidence := fmt.Sprintf("%s accepts connections, but no statement gets an answer: %s.", o.pooler.endpoint.Address, o.pooler.failed)
		if o.direct != nil {
			evidence += fmt.Sprintf(" The direct endpoint fails too: %s.", o.direct.failed)
		}
		return found(hit{evidence: evidence, remedy: repair(o.pooler.failed, "DATABASE_URL", o.pooler.endpoint.Address)})
	case o.direct != nil && o.direct.failed.kind != kindURL:
		return found(hit{
			evidence: fmt.Sprintf("Neither the app's endpoint nor the direct endpoint %s answers: %s.", o.direct.endpoint.Address, o.direct.failed),
			remedy:   repair(o.direct.failed, "DATABASE_DIRECT_URL", o.direct.endpoint.Address),
		})
	default:
		return notKnown("The app's endpoint cannot be used, and no direct endpoint is configured for comparison.")
	}
}

func poolerStuck(o *observation) outcome {
	if o.pooler.failed == nil {
		return passed("The app's endpoint serves the clients that it accepts.")
	}
	if !behind(o) {
		return notKnown("The app's endpoint rejects the connection parameters.")
	}
	if !directUp(o) {
		return notKnown("Without a working direct endpoint, it is unknown whether the pooler or the database is at fault.")
	}
	answers := "answers, although with an error about its own URL"
	if o.direct.failed == nil {
		answers = fmt.Sprintf("answers in %.0f ms", reachMS(o.direct.endpoint))
	}
	h := o.stuck()
	h.evidence = fmt.Sprintf("%s accepts connections, but no statement gets an answer through it (%s); the direct endpoint %s.%s",
		o.pooler.endpoint.Address, o.pooler.failed, answers, h.evidence)
	return found(h)
}

func directDown(o *observation) outcome {
	f := o.direct.failed
	if f == nil && o.direct.pooled {
		return found(hit{
			evidence: fmt.Sprintf("%s is a pooler: %s.", o.direct.endpoint.Address, o.direct.proof),
			remedy:   notThePooler(o.direct.endpoint.Address),
		})
	}
	if f == nil && o.direct.standby {
		return found(hit{
			evidence: fmt.Sprintf("%s is a standby (pg_is_in_recovery() is true): migrations fail there with 25006.", o.direct.endpoint.Address),
			remedy:   `psql "$DATABASE_DIRECT_URL" -c 'SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn()'   # DATABASE_DIRECT_URL (or DB_DIRECT_HOST) must name the primary`,
			about:    []string{standbyEndpoint},
		})
	}
	if f == nil {
		return passed("%s was reached in %d turns.", o.direct.endpoint.Address, o.direct.endpoint.ConnectTurns)
	}
	return found(hit{
		evidence: fmt.Sprintf("%s: %s.", cmp.Or(o.direct.endpoint.Address, "the direct URL"), f),
		remedy:   repair(f, "DATABASE_DIRECT_URL", o.direct.endpoint.Address),
	})
}

func migrationsBehind(o *observation) outcome {
	switch {
	case o.migrationsFailed != nil:
		return notKnown("The state of the migrations could not be read: %s.", o.migrationsFailed)
	case len(o.pending) > 0:
		return found(hit{evidence: fmt.Sprintf("%s pending; the first is %s.", plural(len(o.pending), "migration is", "migrations are"), o.pending[0])})
	}
	return passed("Every migration of this version is applied.")
}

func helloRetry(o *observation) outcome {
	t := o.pooler.endpoint.TLS
	if t == nil {
		return passed("The connection is not encrypted.")
	}
	if !t.HelloRetry {
		return passed("%s with %s in one turn.", t.Version, t.Curve)
	}
	return found(hit{
		remedy: o.otherCurve(),
		evidence: fmt.Sprintf("%s answers with HelloRetryRequest and negotiates %s: each new connection takes one extra turn (%.0f ms). Open connections are not affected.",
			o.pooler.endpoint.Address, t.Curve, o.pooler.endpoint.FloorMS),
	})
}

// otherCurve makes the app's endpoint take X25519, the key share that Go offers first. Postgres before 18 has a setting
// for one curve, does not know X25519 by it, and would not start with that.
func (o *observation) otherCurve() string {
	switch {
	case o.pooler.pooled:
		return setPooler("client_tls_ecdhcurve", "auto")
	case o.pooler.serverVersion >= 180000:
		return `psql "$DATABASE_DIRECT_URL" -c "ALTER SYSTEM SET ssl_groups = 'X25519:prime256v1'" -c 'SELECT pg_reload_conf()'`
	}
	return fmt.Sprintf("openssl s_client -starttls postgres -connect %s -groups X25519 </dev/null   # refused: Postgres supports X25519 from version 18 (ssl_groups); a pooler in front of it can also offer it", o.pooler.endpoint.Address)
}

// version writes server_version_num as people say it: 150018 is 15.18.
func version(n int) string { return fmt.Sprintf("%d.%d", n/10000, n%10000) }
