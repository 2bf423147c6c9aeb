package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
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
	// ErrUnavailable: the database cannot be reached, had no free connection in
	// time, or is in a condition that passes. Trying again later may help. Whether
	// a write took effect is unknown unless ChangedNothing says that it did not.
	ErrUnavailable = errors.New("the database is unavailable")
	// ErrRefused is joined to ErrUnavailable when connecting again cannot help:
	// somebody has to change a setting first.
	ErrRefused = errors.New("connecting again cannot help")
	// ErrNotSent is joined to an error when nothing was sent.
	ErrNotSent = errors.New("nothing was sent")
	// ErrRolledBack is joined to an error when the statement's transaction is
	// rolled back for certain.
	ErrRolledBack = errors.New("rolled back")
	// ErrReadOnly is joined to ErrUnavailable when the server takes no writes: a
	// standby, or a database that was made read-only.
	ErrReadOnly = errors.New("the database is read-only")
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
	inexpressible       = "22P05" // a character that the database's encoding lacks

	insufficientPrivilege = "42501"
)

// classify turns what pgx returned into one of the errors above, or wraps it
// with the statement's name.
func classify(q Query, err error) error {
	if err == nil {
		return nil
	}
	_, list := errors.AsType[*laterError](err)
	list = list && q.Write // an error of a list that is read after a write says nothing of the write's own values
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && !list {
		switch pg.Code {
		case uniqueViolation:
			if pg.ConstraintName == writeIDKey {
				return fmt.Errorf("store: %s: %w", q.Name, ErrFenced)
			}
			return &FieldError{ErrConflict, constraintField(pg)}
		case checkViolation, notNullViolation, stringTooLong, untranslatable, inexpressible, datetimeOverflow:
			return &FieldError{ErrInvalid, constraintField(pg)}
		case foreignKeyViolation:
			return ErrNotFound
		case invalidParameter:
			if strings.Contains(strings.ToLower(pg.Routine), "zone") { // the message is in the server's language
				return &FieldError{ErrInvalid, "time_zone"}
			}
		}
	}
	return &statementError{q.Name, kindsOf(err), err}
}

// statementError is an error of a statement with the kinds that it is of.
type statementError struct {
	query string
	kinds []error
	err   error
}

func (e *statementError) Error() string {
	text := "store: " + e.query
	for _, kind := range e.kinds {
		text += ": " + kind.Error()
	}
	return text + ": " + e.err.Error()
}

func (e *statementError) Unwrap() []error { return append(slices.Clone(e.kinds), e.err) }

// kindsOf are the errors above that stand for what is known of err.
func kindsOf(err error) []error {
	var kinds []error
	o := factsOf(err)
	for _, known := range []struct {
		kind  error
		holds bool
	}{
		{ErrUnavailable, o.passing},
		{ErrReadOnly, SQLState(err) == readOnlyTransaction},
		{ErrNotSent, o.notSent},
		{ErrRolledBack, o.rolledBack},
	} {
		if known.holds {
			kinds = append(kinds, known.kind)
		}
	}
	return kinds
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
