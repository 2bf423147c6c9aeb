package probe

import (
	"cmp"
	"fmt"
)

// repair is what to do about a failure of that kind; empty where the check knows better.
func repair(f *failure, variable string) string {
	switch f.kind {
	case kindURL:
		return "Write " + variable + " as scheme://user:password@host:port/name."
	case kindName:
		return "Correct the host in " + variable + ", or mend the cluster's DNS: kubectl -n kube-system get pods -l k8s-app=kube-dns"
	case kindCertificate:
		return "Give the authority that signed the certificate as sslrootcert (or PGSSLROOTCERT), or renew the certificate."
	case kindTLS:
		return "Turn TLS on at the server, or correct sslmode in " + variable + "."
	case kindCredentials:
		return "Correct user and password in " + variable + ": kubectl -n honeydue edit secret honeydue"
	case kindDatabase:
		return "Correct the database's name in " + variable + "."
	case kindTooMany:
		return "SELECT count(*), state, application_name FROM pg_stat_activity GROUP BY 2, 3;   -- who holds the connections?"
	}
	return ""
}

func poolerDown(o *observation) outcome {
	f := o.pooler.failed
	if f == nil || !f.network() && !f.ofTheURL() {
		return passed("%s was reached in %d turns, %.0f ms.", o.pooler.endpoint.Address, o.pooler.endpoint.ConnectTurns, o.pooler.endpoint.ConnectMS)
	}
	return found(hit{
		evidence: fmt.Sprintf("%s: %s.", cmp.Or(o.pooler.endpoint.Address, "the database URL"), f),
		remedy:   repair(f, "DATABASE_URL"),
	})
}

// behind reports that the app's endpoint was reached and yet no statement came back.
func behind(o *observation) bool {
	f := o.pooler.failed
	return f != nil && !f.network() && !f.ofTheURL()
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
		evidence := fmt.Sprintf("%s is reached and no statement comes back: %s.", o.pooler.endpoint.Address, o.pooler.failed)
		if o.direct != nil {
			evidence += fmt.Sprintf(" The direct endpoint fails, too: %s.", o.direct.failed)
		}
		return found(hit{evidence: evidence, remedy: repair(o.pooler.failed, "DATABASE_URL")})
	case o.direct != nil && o.direct.failed.kind != kindURL:
		return found(hit{
			evidence: fmt.Sprintf("Neither the app's endpoint nor the direct one at %s answers: %s.", o.direct.endpoint.Address, o.direct.failed),
			remedy:   repair(o.direct.failed, "DATABASE_DIRECT_URL"),
		})
	default:
		return notKnown("The app's endpoint can't be used, and there is no direct endpoint to ask.")
	}
}

func poolerStuck(o *observation) outcome {
	if o.pooler.failed == nil {
		return passed("The app's endpoint lets in what it can serve.")
	}
	if !behind(o) {
		return notKnown("The app's endpoint can't be used.")
	}
	if !directUp(o) {
		return notKnown("The direct endpoint is not there to tell whether the pooler or the database is at fault.")
	}
	answers := "answers that its own URL is wrong"
	if o.direct.failed == nil {
		answers = fmt.Sprintf("answers in %.0f ms", ms(median(o.direct.samples)))
	}
	return found(hit{
		evidence: fmt.Sprintf("%s is reached, no statement comes back through it (%s), and the direct endpoint %s.", o.pooler.endpoint.Address, o.pooler.failed, answers),
	})
}

func directDown(o *observation) outcome {
	f := o.direct.failed
	if f == nil && o.direct.pooled {
		return found(hit{
			evidence: fmt.Sprintf("%s is a pooler: %s.", o.direct.endpoint.Address, o.direct.proof),
			remedy:   "Set DATABASE_DIRECT_URL to Postgres itself, on Neon the host without the -pooler suffix.",
		})
	}
	if f == nil {
		return passed("%s was reached in %d turns.", o.direct.endpoint.Address, o.direct.endpoint.ConnectTurns)
	}
	return found(hit{
		evidence: fmt.Sprintf("%s: %s.", cmp.Or(o.direct.endpoint.Address, "the direct URL"), f),
		remedy:   repair(f, "DATABASE_DIRECT_URL"),
	})
}

func migrationsBehind(o *observation) outcome {
	switch {
	case o.migrationsFailed != nil:
		return notKnown("The state of the migrations could not be read: %s.", o.migrationsFailed)
	case len(o.pending) > 0:
		return found(hit{evidence: fmt.Sprintf("%s still to be applied, the first is %s.", plural(len(o.pending), "migration is", "migrations are"), o.pending[0])})
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
		evidence: fmt.Sprintf("%s answers HelloRetryRequest and settles on %s: each new connection pays one turn (%.0f ms) more. Requests on open connections pay nothing.",
			o.pooler.endpoint.Address, t.Curve, o.pooler.endpoint.FloorMS),
	})
}

// version writes server_version_num as people say it: 150018 is 15.18.
func version(n int) string { return fmt.Sprintf("%d.%d", n/10000, n%10000) }
