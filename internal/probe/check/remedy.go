package check

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// remedySQL is a remedy of SQL statements, as it is pasted into a shell. psql runs what it reads one statement at a time,
// each in its own transaction, which CONCURRENTLY and VACUUM need; after a failure the rest must not follow: an index is
// dropped only when its successor is there.
func remedySQL(sql string) string {
	return `psql "$DATABASE_DIRECT_URL" -v ON_ERROR_STOP=1 <<'SQL'` + "\n" + sql + "\nSQL"
}

// quoted is a name of the database's as SQL needs it: in quotes unless it is a plain one.
func quoted(name string) string {
	if plainIdentifier(name) {
		return name
	}
	return pgx.Identifier{name}.Sanitize()
}

func quotedAll(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quoted(n)
	}
	return out
}

// plainIdentifier reports whether SQL takes the name without quotes. The app's tables have names that are no keywords.
func plainIdentifier(name string) bool {
	return name != "" && !facts.IsDigit(name[0]) && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// mendedBy gives a hit SQL as its remedy: for people to paste, and for a trial to run.
func (h hit) mendedBy(sql string) hit {
	h.Remedy, h.sql = remedySQL(sql), statements(sql)
	return h
}

// statements splits a remedy that is SQL, as the checks write it: one statement a line, ended by a
// semicolon, what follows it being a comment.
func statements(sql string) []string {
	var out []string
	for line := range strings.SplitSeq(sql, "\n") {
		statement, comment, _ := strings.Cut(line, ";")
		if comment = strings.TrimSpace(comment); comment != "" && !strings.HasPrefix(comment, "--") {
			return nil
		}
		if statement = strings.TrimSpace(statement); statement != "" {
			out = append(out, statement)
		}
	}
	return out
}

// editSecret changes a value that must not stand in a command; the pods read it when they start.
func editSecret(what string) string {
	return "kubectl -n honeydue edit secret honeydue && kubectl -n honeydue rollout restart deployment/honeydue   # " + what
}

// startTLS begins a command that speaks TLS with an endpoint.
func startTLS(endpoint, address string) string {
	if endpoint == "redis" || endpoint == "target" {
		return "openssl s_client -connect " + address
	}
	return "openssl s_client -starttls postgres -connect " + address
}

// seeCertificate shows the certificate that an endpoint has.
func seeCertificate(endpoint, address, then string) string {
	return startTLS(endpoint, address) + " </dev/null | openssl x509 -noout -issuer -dates -ext subjectAltName   # " + then
}

// knownIssuer is what to do about a certificate that is refused.
const knownIssuer = "if expired: renew it; if the issuer is unknown: set sslrootcert (or PGSSLROOTCERT), or for Redis and HTTPS SSL_CERT_FILE, to its CA certificate"

// sentAgain and trace tell where packets are lost or held up.
const sentAgain = "nstat -az TcpRetransSegs TcpExtTCPTimeouts; "

func trace(address string) string { return "mtr -rwc 100 " + hostOf(address) }

// findPooler is the way from Postgres itself to the pooler; notThePooler the way back.
const findPooler = "kubectl get services -A | grep -i -E 'pooler|pgbouncer'   # set DB_HOST in the deploy-k3s overlay (or DATABASE_URL) to its host; on Neon, the host with the suffix -pooler"

func notThePooler(address string) string {
	host := hostOf(address)
	label, domain, _ := strings.Cut(host, ".")
	if direct, ok := strings.CutSuffix(label, "-pooler"); ok {
		return fmt.Sprintf("kubectl -n honeydue set env deployment/honeydue DB_DIRECT_HOST=%s.%s   # or the same host in DATABASE_DIRECT_URL", direct, domain)
	}
	return `psql "$DATABASE_DIRECT_URL" -c 'SELECT inet_server_addr(), inet_server_port()'   # where Postgres itself listens: use that in DATABASE_DIRECT_URL (or DB_DIRECT_HOST)`
}

// hostOf is the host of an address, and the whole of what is none.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// Repair is what to do about a failure of that kind at an endpoint that a variable names; empty where the check knows
// better.
func Repair(f *facts.Failure, variable, address string) string {
	if variable == redisVariable {
		switch cache.Diagnose(f.Err).Kind {
		case cache.FaultPermission:
			return aclRemedy(strings.Fields(cache.ACLRules))
		case cache.FaultBusy:
			return `redis-cli -u "$REDIS_URL" SCRIPT KILL   # ends a script that has not written; otherwise only SHUTDOWN NOSAVE works. SLOWLOG GET shows the script afterwards`
		case cache.FaultLoading:
			return `redis-cli -u "$REDIS_URL" INFO persistence   # loading_eta_seconds; the cache needs no persistence: appendonly no, save ""`
		}
	}
	switch f.Kind {
	case facts.KindURL:
		return editSecret(variable + " must have the form scheme://user:password@host:port/name")
	case facts.KindName:
		return fmt.Sprintf("getent hosts %s; kubectl -n kube-system get pods -l k8s-app=kube-dns   # correct the host in %s, or fix the cluster's DNS", hostOf(address), variable)
	case facts.KindCertificate:
		return seeCertificate(endpointOf(variable), address, knownIssuer)
	case facts.KindTLS:
		if f.Code() != "" { // the server's own word: it is there, and wants TLS
			return editSecret("sslmode=verify-full in " + variable + ", or DB_SSLMODE: the server requires TLS")
		}
		without := "correct sslmode in " + variable
		if variable == redisVariable {
			without = "start REDIS_URL with redis://"
		}
		return startTLS(endpointOf(variable), address) + " </dev/null   # the server has no TLS: enable it there, or " + without
	case facts.KindCredentials:
		return editSecret("user and password in " + variable + ", or DB_USER and DB_PASSWORD")
	case facts.KindLogIn:
		return fmt.Sprintf(`psql "$%[1]s" -c 'SELECT 1'   # shows more detail; sslmode, channel_binding and require_auth in %[1]s control authentication`, variable)
	case facts.KindDatabase:
		return editSecret("the database's name in " + variable + ", or DB_NAME in deploy-k3s/base/honeydue.env")
	case facts.KindTooMany:
		return fmt.Sprintf(`psql "$%s" -c 'SELECT count(*), state, application_name FROM pg_stat_activity GROUP BY 2, 3 ORDER BY 1 DESC'   # who holds the connections? If this is refused too, connect as a superuser: Postgres reserves three connections for them`, variable)
	}
	return ""
}

const redisVariable = "REDIS_URL"

func endpointOf(variable string) string {
	if variable == redisVariable {
		return "redis"
	}
	return "pooler"
}

// RepairTarget is repair for the running server of --target; empty where the check knows better.
func RepairTarget(f *facts.Failure, target string) string {
	switch f.Kind {
	case facts.KindURL:
		return `honeydue probe --target "$TARGET"   # TARGET has the form https://api.example.com`
	case facts.KindTLS:
		var header tls.RecordHeaderError
		if errors.As(f, &header) && string(header.RecordHeader[:]) == "HTTP/" {
			return "honeydue probe --target " + strings.Replace(target, "https://", "http://", 1) + "   # the server uses HTTP without TLS"
		}
		return startTLS("target", targetAddress(target)) + " </dev/null   # what does it send instead of TLS? If it is HTTP: --target http://…"
	case facts.KindCertificate:
		return seeCertificate("target", targetAddress(target), knownIssuer)
	case facts.KindName:
		return "getent hosts " + hostOf(targetAddress(target)) + "   # correct the host in --target, or fix its DNS"
	}
	return ""
}

// targetAddress is host:port of a URL that was read already.
func targetAddress(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	if u.Port() != "" {
		return u.Host
	}
	port := "443"
	if u.Scheme == "http" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
