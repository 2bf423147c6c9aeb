package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// kind is why a server could not be used, told from the error's type. An error's own text is not shown:
// it may hold a user name or a value.
type kind string

const (
	kindName        kind = "the host name does not resolve"
	kindRefused     kind = "connection refused"
	kindUnreachable kind = "there is no route to it"
	kindTimeout     kind = "no answer came in time"
	kindClosed      kind = "the other side closed the connection"
	kindCertificate kind = "its certificate is not trusted"
	kindTLS         kind = "the TLS handshake failed"
	kindCredentials kind = "user or password rejected"
	kindDatabase    kind = "the database does not exist"
	kindTooMany     kind = "too many connections"
	kindServer      kind = "the server returned an error"
	kindURL         kind = "the URL is not valid"
	kindTooSlow     kind = "skipped, because it answers too slowly"
	kindOutOfTime   kind = "the probe ended before it answered"
	kindLogIn       kind = "no common authentication method"
	kindAnswer      kind = "unexpected response format"
	kindOther       kind = "the client failed without a server error code"
)

// failure is an error made fit to be shown, and sorted by what to do about it.
type failure struct {
	kind  kind
	phase string // of connecting; empty for a query
	// detail is the server's own words, masked, or its error code.
	detail string
	err    error
}

func (f *failure) Error() string {
	s := string(f.kind)
	if f.phase != "" {
		s = "in phase " + f.phase + ", " + s
	}
	if f.detail != "" {
		s += " (" + f.detail + ")"
	}
	return s
}

func (f *failure) Unwrap() error { return f.err }

// network reports whether the server was not even reached, so that nothing is known about what lies
// behind it.
func (f *failure) network() bool {
	switch f.phase {
	case "config", "dns", "tcp", "ssl_request", "tls":
		return true
	}
	return false
}

// outOfTime reports whether nothing is known, because the probe itself ended. A nil failure is none.
func (f *failure) outOfTime() bool { return f != nil && f.kind == kindOutOfTime }

// cutOff reports whether the probe itself gave up waiting: by its statement_timeout or lock_timeout on the server, or by
// its own deadline for a step. Something is slow then, or locked, and nothing has failed. A nil failure is none.
func (f *failure) cutOff() bool {
	const lockNotAvailable = "55P03"
	return f != nil && (f.kind == kindTimeout || f.code() == lockNotAvailable)
}

// code is the server's SQLSTATE; empty if it is no server's error.
func (f *failure) code() string {
	var pg *pgconn.PgError
	if f == nil || !errors.As(f.err, &pg) {
		return ""
	}
	return pg.Code
}

// explain turns err into a failure; phase is the phase of connecting, or empty. ctx is the probe's own:
// once that has ended, an error says nothing about the server.
func explain(ctx context.Context, phase string, err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{kind: kindOther, phase: phase, err: err}
	if ctx.Err() != nil && phase != "config" {
		f.kind = kindOutOfTime
		return f
	}
	var (
		pg       *pgconn.PgError
		dns      *net.DNSError
		netErr   net.Error
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		header   tls.RecordHeaderError
		alert    tls.AlertError
		deadline = errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	)
	switch {
	case phase == "config":
		f.kind = kindURL
	case errors.As(err, &pg):
		f.detail = fmt.Sprintf("%s: %s", pg.Code, maskMessage(pg.Message))
		switch pg.Code {
		case "28P01", "28000":
			f.kind = kindCredentials
		case "3D000":
			f.kind = kindDatabase
		case "53300":
			f.kind = kindTooMany
		case "57014":
			f.kind = kindTimeout
		case "08P01":
			f.kind = refusalOfPooler(pg.Message)
		default:
			f.kind = kindServer
		}
	case errors.As(err, &dns):
		f.kind = kindName
	case errors.Is(err, syscall.ECONNREFUSED):
		f.kind = kindRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		f.kind = kindUnreachable
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		f.kind = kindCertificate
		switch {
		case errors.As(err, &host):
			f.detail = "it was issued for another host"
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			f.detail = "it has expired"
		case errors.As(err, &unknown):
			f.detail = "signed by an unknown authority"
		}
	case errors.As(err, &header), errors.As(err, &alert), phase == "ssl_request" && !deadline && !closed(err):
		f.kind = kindTLS
	case deadline, errors.As(err, &netErr) && netErr.Timeout():
		f.kind = kindTimeout
	case closed(err):
		f.kind = kindClosed
	case errors.Is(err, context.Canceled):
		f.kind = kindTimeout
	case phase == "startup", phase == "authentication":
		f.kind, f.detail = kindLogIn, reasonOf(err)
	case unreadable(err):
		f.kind, f.detail = kindAnswer, reasonOf(err)
	default:
		f.detail = reasonOf(err)
	}
	return f
}

// unreadable reports whether an answer came and could not be made a value of.
func unreadable(err error) bool {
	var (
		scan   pgx.ScanArgError
		syntax *json.SyntaxError
		typed  *json.UnmarshalTypeError
		number *strconv.NumError
		moment *time.ParseError
	)
	return errors.As(err, &scan) || errors.As(err, &syntax) || errors.As(err, &typed) || errors.As(err, &number) || errors.As(err, &moment)
}

// reasonLength bounds what a client library's error may say.
const reasonLength = 160

// reasonOf is what the innermost error says, masked as a server's message is: those around it add hosts and users.
func reasonOf(err error) string {
	for {
		switch e := err.(type) { //nolint:errorlint // each is unwrapped by hand, down to the last
		case interface{ Unwrap() []error }:
			all := e.Unwrap()
			if len(all) == 0 {
				return masked(err)
			}
			err = all[len(all)-1]
		case interface{ Unwrap() error }:
			inner := e.Unwrap()
			if inner == nil {
				return masked(err)
			}
			err = inner
		default:
			return masked(err)
		}
	}
}

func masked(err error) string {
	text := maskMessage(err.Error())
	if len(text) > reasonLength {
		text = strings.ToValidUTF8(text[:reasonLength], "") + "…"
	}
	return text
}

// refusalOfPooler sorts PgBouncer's refusals by their words: it has one code for all of them, that of a protocol
// violation. The words are those of versions 1.18 to 1.24.
func refusalOfPooler(message string) kind {
	switch {
	case strings.Contains(message, "authentication failed"), strings.HasPrefix(message, "no such user"):
		return kindCredentials
	case strings.HasPrefix(message, "no such database"), strings.HasPrefix(message, "database ") && strings.HasSuffix(message, " does not exist"):
		return kindDatabase
	case message == "SSL required":
		return kindTLS
	}
	return kindServer
}

// ofTheURL reports whether it is the URL that is wrong: the server was reached and has said so.
func (f *failure) ofTheURL() bool {
	return f.kind == kindCredentials || f.kind == kindDatabase || f.kind == kindLogIn || f.kind == kindTLS && f.code() != ""
}

func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
