package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The variables that an error about connecting points at.
const (
	mainURLName    = "DATABASE_URL"
	directURLName  = "DATABASE_DIRECT_URL"
	consoleURLName = "PGBOUNCER_ADMIN_URL"
)

// connectError says why a server cannot be used, in the server's own words, and
// what to do about it.
type connectError struct {
	text, hint string
	kinds      []error
}

func (e *connectError) Error() string { return e.text }

// Unwrap gives ErrUnavailable, ErrRefused where connecting again cannot help,
// and the cause.
func (e *connectError) Unwrap() []error { return e.kinds }

// Hint says what to do about it.
func (e *connectError) Hint() string { return e.hint }

// connectFailure is the error of a connection that could not be opened or gave
// no first answer. It is the only place that decides whether trying again can
// help. variable is where cc comes from.
func connectFailure(cc *pgx.ConnConfig, variable string, err error) error {
	e := &connectError{kinds: []error{ErrUnavailable}}
	r, permanent := refusalOf(err)
	e.text = fmt.Sprintf("store: the database at %s cannot be used: %s", addressOf(cc), reasonOf(err))
	if permanent {
		e.kinds = append(e.kinds, ErrRefused)
	}
	e.kinds = append(e.kinds, err)
	e.hint = r.hint(cc, variable)
	if problem, ok := errors.AsType[*SettingProblem](err); ok {
		e.hint = problem.hint
	}
	return e
}

// reasonOf is the innermost text of err, without what pgx puts around it: who
// connects to which database, and the address once more. Of several addresses
// that failed it is the first one's.
func reasonOf(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return "the server answered " + pg.Error()
	}
	for {
		switch outer := err.(type) { //nolint:errorlint // this walks the chain itself
		case interface{ Unwrap() error }:
			if outer.Unwrap() == nil {
				return closedOr(err)
			}
			err = outer.Unwrap()
		case interface{ Unwrap() []error }:
			if len(outer.Unwrap()) == 0 {
				return closedOr(err)
			}
			err = outer.Unwrap()[0]
		default:
			return closedOr(err)
		}
	}
}

func closedOr(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it closed the connection"
	}
	return err.Error()
}

// refusal is a reason for which connecting again cannot help.
type refusal struct {
	// codes are SQLSTATEs; text is looked for in what comes without a code of its
	// own: PgBouncer up to 1.23 answers 08P01 to everything, and pgx has no types.
	codes []string
	text  *regexp.Regexp
	// advice has {url} for the variable, {role} and {database}.
	advice string
}

const checkServer = "Check that the server is up, and the host and port of {url}."

func (r refusal) hint(cc *pgx.ConnConfig, variable string) string {
	return strings.NewReplacer("{url}", variable, "{role}", quoteName(cc.User), "{database}", quoteName(cc.Database)).Replace(r.advice)
}

func refusals() []refusal {
	text := regexp.MustCompile
	return []refusal{
		{[]string{"28000"}, text(`pg_hba|not allowed|login rejected|not permitted to log in`), "Allow role {role} from this address (pg_hba.conf), or check the role and the database of {url}."},
		{[]string{"28P01"}, text(`authentication failed|no such user|auth failed|role ".*" does not exist`), "Check the role and the password of {url}."},
		{[]string{"3D000"}, text(`no such database|database ".*" does not exist`), "Check the database's name in {url}, or create it: CREATE DATABASE {database};"},
		{[]string{"42501"}, text(`permission denied for database`), "Run GRANT CONNECT ON DATABASE {database} TO {role};"},
		{[]string{"42704"}, text(`unsupported startup parameter`), "Remove it from {url} and the PG* environment, and set it on the role: ALTER ROLE {role} SET ..."},
		{nil, text(`SSL required|TLS required`), "Set sslmode=verify-full in {url}."},
		{nil, text(`refused TLS`), "Turn TLS on at the server, or set sslmode=disable in {url} if the network in between is trusted."},
		{nil, text(`channel binding`), "Set channel_binding=prefer and sslmode=verify-full in {url}: a pooler that ends TLS, such as PgBouncer, has no channel binding."},
		{nil, text(`require_auth`), "Name the server's method in require_auth of {url}, or leave it out."},
		{nil, text(`protocol version too low|bad packet header|unsupported frontend protocol`), "Remove min_protocol_version and max_protocol_version from {url}."},
	}
}

// tlsRefusal is a handshake that will fail again.
func tlsRefusal() refusal {
	return refusal{advice: "Check sslmode, sslrootcert and sslnegotiation of {url}, and that the server's certificate is for this host."}
}

// refusalOf finds the reason for which connecting again cannot help. Anything
// else may pass: a server that starts, has no connection left or is away.
func refusalOf(err error) (refusal, bool) {
	if _, ok := errors.AsType[*SettingProblem](err); ok {
		return refusal{}, true
	}
	pg, answered := errors.AsType[*pgconn.PgError](err)
	text := err.Error()
	if answered {
		text = pg.Message
	}
	for _, r := range refusals() {
		for _, code := range r.codes {
			if answered && pg.Code == code {
				return r, true
			}
		}
		if r.text != nil && (!answered || pg.Code == "08P01") && r.text.MatchString(text) {
			return r, true
		}
	}
	if isTLS(err) {
		return tlsRefusal(), true
	}
	if answered && pg.Code == "57014" {
		return refusal{advice: "Run ALTER ROLE {role} IN DATABASE {database} SET statement_timeout = 0; and have the pooler open new server connections (RECONNECT), or find who cancels statements."}, false
	}
	return refusal{advice: checkServer}, false
}

func isTLS(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return verification || host || authority || invalid || alert || record
}
