// Package exit holds the exit codes of the program, and the errors that carry one together with what to do.
package exit

import (
	"errors"
	"fmt"
	"slices"
)

// The exit codes that pipelines rely on.
const (
	OK           = 0 // all well
	Failed       = 1 // could not be done: a server is missing, refused, broke
	BadUsage     = 2 // the command line or the environment makes no sense
	Finding      = 3 // a target missed, or a finding at or above --fail-on
	Inconclusive = 4 // too few samples to claim anything
	Invalid      = 5 // generator or machine did not keep up: the measurement is invalid
)

// precedence is the order in which one code hides another: usage first, as nothing has run then.
func precedence() []int {
	return []int{BadUsage, Invalid, Failed, Finding, Inconclusive, OK}
}

// Worst returns the code that speaks for all of them. A code that does not exist counts as a failure.
func Worst(codes ...int) int {
	order := precedence()
	best := len(order) - 1
	for _, code := range codes {
		i := slices.Index(order, code)
		if i < 0 {
			i = slices.Index(order, Failed)
		}
		best = min(best, i)
	}
	return order[best]
}

// Error ends the program with a code of its own. Without Err nothing is printed: the report has said it all.
type Error struct {
	Code   int
	Err    error
	Advice string // what to do
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about the error.
func (e *Error) Hint() string { return e.Advice }

// With returns the error of a command that has printed its report and ends with one of several codes; nil when
// all is well.
func With(codes ...int) error {
	code := Worst(codes...)
	if code == OK {
		return nil
	}
	return &Error{Code: code}
}

// Usage marks err as the caller's mistake. It keeps the hint that err carries.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	if own := new(Error); errors.As(err, &own) {
		return err
	}
	return &Error{Code: BadUsage, Err: err, Advice: HintOf(err)}
}

// Usagef makes a usage error: hint says what to do, the rest what is wrong.
func Usagef(hint, format string, args ...any) error {
	return &Error{Code: BadUsage, Err: fmt.Errorf(format, args...), Advice: hint}
}

// Failedf makes the error of something that could not be done: hint says what to do, the rest what failed.
func Failedf(hint, format string, args ...any) error {
	return &Error{Code: Failed, Err: fmt.Errorf(format, args...), Advice: hint}
}

// HintOf finds what to do: any error of a package below may carry it in a Hint method.
func HintOf(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	return ""
}

// Code is the code that err stands for.
func Code(err error) int {
	if err == nil {
		return OK
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Code
	}
	return Failed
}

// Also adds a failure of the clean-up to what has come before it.
func Also(err, ending error) error {
	if ending == nil {
		return err
	}
	code := Failed
	if err != nil {
		code = Worst(Failed, Code(err))
	}
	if own, ok := errors.AsType[*Error](err); ok && own.Err == nil {
		err = nil
	}
	return &Error{Code: code, Err: errors.Join(err, ending), Advice: HintOf(err)}
}
