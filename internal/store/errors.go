package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// What a method may answer besides success; match with errors.Is. Anything
// else is a fault of ours or of the database.
var (
	// ErrNotFound: there is no such row, or the user cannot see it.
	ErrNotFound = errors.New("not found")
	// ErrForbidden: the user sees the row, but his role does not allow this.
	ErrForbidden = errors.New("forbidden")
	// ErrConflict: it exists already; see FieldError.
	ErrConflict = errors.New("conflict")
	// ErrOccurrencePassed: the task is no longer at the occurrence that the
	// completion names. Nothing was changed.
	ErrOccurrencePassed = errors.New("the occurrence has passed")
	// ErrInvalid: the database refused a value; see FieldError.
	ErrInvalid = errors.New("invalid value")
	// ErrUnavailable: the database cannot be reached, or had no free
	// connection in time. Trying again later may help. Whether a write took
	// effect is unknown unless errors.Is(err, ErrNotSent).
	ErrUnavailable = errors.New("the database is unavailable")
	// ErrRefused is joined to ErrUnavailable when connecting again cannot help:
	// somebody has to change a setting first.
	ErrRefused = errors.New("connecting again cannot help")
	// ErrNotSent is joined to ErrUnavailable when nothing was sent.
	ErrNotSent = errors.New("nothing was sent")
)

// FieldError is an ErrConflict or an ErrInvalid that names the field at fault.
type FieldError struct {
	Kind  error // ErrConflict or ErrInvalid
	Field string
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s: %v", e.Field, e.Kind) }

// Unwrap gives the kind.
func (e *FieldError) Unwrap() error { return e.Kind }

// adviceError is an error that also says what to do.
type adviceError struct {
	err  error
	hint string
}

// advise makes an error: hint says what to do, the rest what failed.
func advise(hint, format string, args ...any) error {
	return &adviceError{fmt.Errorf("store: "+format, args...), hint}
}

func (e *adviceError) Error() string { return e.err.Error() }
func (e *adviceError) Unwrap() error { return e.err }

// Hint says what to do about it.
func (e *adviceError) Hint() string { return e.hint }

// SQLSTATEs that have a meaning here; names from the appendix "PostgreSQL Error
// Codes" of the manual.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	checkViolation      = "23514"
	notNullViolation    = "23502"
	stringTooLong       = "22001"
	invalidParameter    = "22023" // an unknown time zone
	untranslatable      = "22021" // a NUL byte or bytes that are no UTF-8
	datetimeOverflow    = "22008"

	insufficientPrivilege = "42501"
)

// classify turns what pgx returned into one of the errors above, or wraps it
// with the statement's name.
func classify(q Query, err error) error {
	if err == nil {
		return nil
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case uniqueViolation:
			if pg.ConstraintName == writeIDKey {
				return fmt.Errorf("store: %s: %w", q.Name, ErrFenced)
			}
			return &FieldError{ErrConflict, constraintField(pg)}
		case checkViolation, notNullViolation, stringTooLong, untranslatable, datetimeOverflow:
			return &FieldError{ErrInvalid, constraintField(pg)}
		case foreignKeyViolation:
			return ErrNotFound
		case invalidParameter:
			if strings.Contains(pg.Message, "time zone") {
				return &FieldError{ErrInvalid, "time_zone"}
			}
		}
	}
	if broken(err) {
		return unavailable(q, err)
	}
	return fmt.Errorf("store: %s: %w", q.Name, err)
}

func unavailable(q Query, err error) error {
	kind := ErrUnavailable
	if pgconn.SafeToRetry(err) {
		kind = errors.Join(ErrUnavailable, ErrNotSent)
	}
	return fmt.Errorf("store: %s: %w: %w", q.Name, kind, err)
}

// constraintField is the column behind an error: Postgres names it for some
// errors, and for the others it stands in the middle of the constraint's name
// (table_column_check, table_column_key).
func constraintField(pg *pgconn.PgError) string {
	if pg.ColumnName != "" {
		return pg.ColumnName
	}
	name := strings.TrimPrefix(pg.ConstraintName, pg.TableName+"_")
	for _, suffix := range []string{"_check", "_key"} {
		name = strings.TrimSuffix(name, suffix)
	}
	if pg.ConstraintName == "share_codes_pkey" {
		return "code"
	}
	return name
}

// broken reports whether the error tells of the connection and not of the
// statement: then another connection may do better.
func broken(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		// 08 connection exception (a pooler's own errors too), 53 insufficient
		// resources, 57P0x the server is going down or starting up.
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "57P0")
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, puddle.ErrClosedPool) || pgconn.SafeToRetry(err) {
		return true
	}
	_, isNet := errors.AsType[net.Error](err)
	return isNet || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
