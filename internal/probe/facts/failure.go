package facts

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// IsAbout reports whether a finding is about one of those.
func (f Finding) IsAbout(those ...string) bool {
	return slices.ContainsFunc(f.About, func(s string) bool { return s != "" && slices.Contains(those, s) })
}

// AdmitsNobody reports whether the server has refused the connection because it has none left.
func (s *PGServer) AdmitsNobody() bool {
	return s != nil && s.Failed != nil && s.Failed.Kind == KindTooMany
}

// AdmitsNobody reports whether Redis has refused the connection because it has none left.
func (s *RedisServer) AdmitsNobody() bool {
	return s != nil && s.Failed != nil && s.Failed.Kind == KindTooMany
}

// Kind is why a server could not be used, told from the error's type. An error's own text is not shown:
// it may hold a user name or a value.
type Kind string

// The kinds of failures, each in the words in which it is reported.
const (
	KindName        Kind = "the host name does not resolve"
	KindRefused     Kind = "connection refused"
	KindUnreachable Kind = "there is no route to it"
	KindTimeout     Kind = "no answer came in time"
	KindClosed      Kind = "the other side closed the connection"
	KindCertificate Kind = "its certificate is not trusted"
	KindTLS         Kind = "the TLS handshake failed"
	KindCredentials Kind = "user or password rejected"
	KindDatabase    Kind = "the database does not exist"
	KindTooMany     Kind = "too many connections"
	KindServer      Kind = "the server returned an error"
	KindURL         Kind = "the URL is not valid"
	KindTooSlow     Kind = "skipped, because it answers too slowly"
	KindOutOfTime   Kind = "the probe ended before it answered"
	KindLogIn       Kind = "no common authentication method"
	KindAnswer      Kind = "unexpected response format"
	KindOther       Kind = "the client failed without a server error code"
)

// Failure is an error made fit to be shown, and sorted by what to do about it.
type Failure struct {
	Kind  Kind
	Phase string // of connecting; empty for a query
	// Detail is the server's own words, masked, or its error code.
	Detail string
	Err    error
}

func (f *Failure) Error() string {
	s := string(f.Kind)
	if f.Phase != "" {
		s = "in phase " + f.Phase + ", " + s
	}
	if f.Detail != "" {
		s += " (" + f.Detail + ")"
	}
	return s
}

func (f *Failure) Unwrap() error { return f.Err }

// Network reports whether the server was not even reached, so that nothing is known about what lies
// behind it.
func (f *Failure) Network() bool {
	switch f.Phase {
	case "config", "dns", "tcp", "ssl_request", "tls":
		return true
	}
	return false
}

// OutOfTime reports whether nothing is known, because the probe itself ended. A nil failure is none.
func (f *Failure) OutOfTime() bool { return f != nil && f.Kind == KindOutOfTime }

// CutOff reports whether the probe itself gave up waiting: by its statement_timeout or lock_timeout on the server, or by
// its own deadline for a step. Something is slow then, or locked, and nothing has failed. A nil failure is none.
func (f *Failure) CutOff() bool {
	const lockNotAvailable = "55P03"
	return f != nil && (f.Kind == KindTimeout || f.Code() == lockNotAvailable)
}

// Code is the server's SQLSTATE; empty if it is no server's error.
func (f *Failure) Code() string {
	var pg *pgconn.PgError
	if f == nil || !errors.As(f.Err, &pg) {
		return ""
	}
	return pg.Code
}

// Unreadable reports whether an answer came and could not be made a value of.
func Unreadable(err error) bool {
	var (
		scan   pgx.ScanArgError
		syntax *json.SyntaxError
		typed  *json.UnmarshalTypeError
		number *strconv.NumError
		moment *time.ParseError
	)
	return errors.As(err, &scan) || errors.As(err, &syntax) || errors.As(err, &typed) || errors.As(err, &number) || errors.As(err, &moment)
}

// ReasonLength bounds what a client library's error may say.
const ReasonLength = 160

// ReasonOf is what the innermost error says, masked as a server's message is: those around it add hosts and users.
func ReasonOf(err error) string {
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
	text := MaskMessage(err.Error())
	if len(text) > ReasonLength {
		text = strings.ToValidUTF8(text[:ReasonLength], "") + "…"
	}
	return text
}

// RefusalOfPooler sorts PgBouncer's refusals by their words: it has one code for all of them, that of a protocol
// violation. The words are those of versions 1.18 to 1.24.
func RefusalOfPooler(message string) Kind {
	switch {
	case strings.Contains(message, "authentication failed"), strings.HasPrefix(message, "no such user"):
		return KindCredentials
	case strings.HasPrefix(message, "no such database"), strings.HasPrefix(message, "database ") && strings.HasSuffix(message, " does not exist"):
		return KindDatabase
	case message == "SSL required":
		return KindTLS
	}
	return KindServer
}

// OfTheURL reports whether it is the URL that is wrong: the server was reached and has said so.
func (f *Failure) OfTheURL() bool {
	return f.Kind == KindCredentials || f.Kind == KindDatabase || f.Kind == KindLogIn || f.Kind == KindTLS && f.Code() != ""
}

// Closed reports whether an error means that the other side has closed the connection.
func Closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
