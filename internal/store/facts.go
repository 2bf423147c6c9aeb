package store

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// facts are what is known of a statement that ended with an error. Each
// statement, with those that are sent in its turn, is a transaction of its own. Decision 28 has the table with the
// reasons. The zero facts, nothing known and no use in trying again, is the
// default for what is not on this page.
type facts struct {
	// notSent: nothing of the statement has left this process.
	notSent bool
	// rolledBack: the server has the statement's transaction rolled back, or never
	// began it.
	rolledBack bool
	// passing: the condition is the database's and not the statement's, and may
	// have passed when the request comes again.
	passing bool
	// again: the same statement may succeed at once, a writing one too.
	again bool
	// lost: the connection has ended. spoilt: it must not be used again, or it
	// leads to a server that does not do what it is for.
	lost, spoilt bool
}

// SQLSTATEs of passing conditions, by the names of the manual's appendix.
const (
	statementCompletionUnknown = "40003"
	readOnlyTransaction        = "25006"
	inFailedTransaction        = "25P02"
	invalidStatementName       = "26000"
	duplicateStatement         = "42P05"
	invalidCursorName          = "34000"
	protocolViolation          = "08P01"
	featureNotSupported        = "0A000"
	objectInUse                = "55006"
	lockNotAvailable           = "55P03"
	internalError              = "XX000"
)

func factsOf(err error) facts {
	if err == nil {
		return facts{}
	}
	var acquire *acquireError
	var connect *pgconn.ConnectError
	if errors.As(err, &acquire) || errors.As(err, &connect) {
		return facts{notSent: true, passing: !errors.Is(err, context.Canceled)} // a client that left says nothing of the database
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		var late *afterCommandError
		var later *laterError
		return factsOfReply(pg, errors.As(err, &late) || errors.As(err, &later))
	}
	gone := isTransport(err)
	return facts{notSent: pgconn.SafeToRetry(err), passing: gone, lost: gone}
}

// factsOfReply judges an error that the server, or a pooler before it, has
// sent; finished says that the statement's end had been reported already.
func factsOfReply(pg *pgconn.PgError, finished bool) facts {
	level := pg.SeverityUnlocalized
	if level == "" {
		level = pg.Severity
	}
	o := facts{lost: level != "ERROR"}
	switch {
	case pg.Routine == "":
		// Postgres always names the routine: this is a pooler speaking for itself,
		// and what became of the statement on the server it cannot know.
		o.rolledBack, o.passing = neverAssigned(pg.Message), true
	case level == "PANIC":
		// The only severity at which a server may end between writing the commit
		// record and reporting it.
		o.passing = true
	case level != "ERROR":
		// The session ends, and what it had not committed is rolled back. It commits
		// after it has reported the statement's end.
		o.rolledBack, o.passing = !finished, true
	default:
		// Also at the commit: whatever fails there is rolled back as a whole.
		o.rolledBack = pg.Code != statementCompletionUnknown
		o.passing, o.again, o.spoilt = conditionOf(pg)
	}
	return o
}

// conditionOf says what an ERROR of Postgres means for the next attempt.
func conditionOf(pg *pgconn.PgError) (passing, again, spoilt bool) {
	switch pg.Code {
	case statementCompletionUnknown:
		return true, false, false
	case inFailedTransaction, invalidStatementName, duplicateStatement, invalidCursorName, protocolViolation:
		// The session is not in the state that this client left it in: a pooler has
		// mixed two clients up, or a statement was described before its table changed.
		return true, true, true
	case readOnlyTransaction:
		return true, false, true
	case featureNotSupported:
		// "cached plan must not change result type": the table has changed, and the
		// plan is made anew.
		stale := pg.Routine == "RevalidateCachedQuery"
		return stale, stale, stale
	case lockNotAvailable, objectInUse, internalError:
		return true, false, false
	}
	switch pg.Code[:min(2, len(pg.Code))] {
	case "40": // transaction rollback: deadlock, serialization failure
		return true, true, false
	case "08", "53", "57", "58": // connection, resources, operator intervention (57014 among them), system error
		return true, false, false
	default:
		return false, false, false
	}
}

// neverAssigned knows PgBouncer's words for a client that was given no server
// connection, so that its statement reached none. It has one SQLSTATE for all
// that it says, so nothing else distinguishes them; what is not listed
// counts as unknown.
func neverAssigned(message string) bool {
	for _, begin := range []string{
		"query_wait_timeout", "client_login_timeout", "server login", "pgbouncer cannot connect to server",
		"no more connections allowed", "client connections exceeded", "no such database", "database does not allow connections",
	} {
		if strings.HasPrefix(message, begin) {
			return true
		}
	}
	return false
}

// isTransport reports whether the connection, or the time for it, has ended.
func isTransport(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, puddle.ErrClosedPool) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// afterCommandError came after the statement's end was reported and before its
// commit was.
type afterCommandError struct{ err error }

func (e *afterCommandError) Error() string { return e.err.Error() }
func (e *afterCommandError) Unwrap() error { return e.err }

// unsentError came before anything was written.
type unsentError struct{ err error }

func (e *unsentError) Error() string     { return e.err.Error() }
func (e *unsentError) Unwrap() error     { return e.err }
func (e *unsentError) SafeToRetry() bool { return true }

// ChangedNothing reports whether an error of a writing method proves that its
// statement has not committed and never will. Anything else may still commit.
func ChangedNothing(err error) bool {
	var elsewhere *ElsewhereError
	for _, sure := range []error{ErrNotFound, ErrForbidden, ErrConflict, ErrOccurrencePassed, ErrInvalid, ErrFenced, ErrNotSent, ErrRolledBack} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return errors.As(err, &elsewhere)
}

// SQLState is the SQLSTATE in an error, empty where the database sent none.
func SQLState(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}
