package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes that pipelines rely on.
const (
	exitOK           = 0 // all well
	exitFailed       = 1 // could not be done: a server is missing, refused, broke
	exitUsage        = 2 // the command line or the environment makes no sense
	exitFinding      = 3 // a target missed, or a finding at or above --fail-on
	exitInconclusive = 4 // too few samples to claim anything
	exitInvalid      = 5 // generator or machine did not keep up: the figures mean nothing
)

// exitPrecedence is the order in which one code hides another: usage first, as nothing has run then.
func exitPrecedence() []int {
	return []int{exitUsage, exitInvalid, exitFailed, exitFinding, exitInconclusive, exitOK}
}

// worst returns the code that speaks for all of them. A code that does not exist counts as a failure.
func worst(codes ...int) int {
	order := exitPrecedence()
	best := len(order) - 1
	for _, code := range codes {
		i := slices.Index(order, code)
		if i < 0 {
			i = slices.Index(order, exitFailed)
		}
		best = min(best, i)
	}
	return order[best]
}

// exitError ends the program with a code of its own. Without err nothing is printed: the report has said it all.
type exitError struct {
	code int
	err  error
	hint string // what to do
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// Hint says what to do about the error.
func (e *exitError) Hint() string { return e.hint }

// exitWith returns the error of a command that has printed its report and ends with one of several codes; nil when
// all is well.
func exitWith(codes ...int) error {
	code := worst(codes...)
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// usage marks err as the caller's mistake. It keeps the hint that err carries.
func usage(err error) error {
	if err == nil {
		return nil
	}
	if own := new(exitError); errors.As(err, &own) {
		return err
	}
	return &exitError{code: exitUsage, err: err, hint: hintOf(err)}
}

// usagef makes a usage error: hint says what to do, the rest what is wrong.
func usagef(hint, format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// failedf makes the error of something that could not be done: hint says what to do, the rest what failed.
func failedf(hint, format string, args ...any) error {
	return &exitError{code: exitFailed, err: fmt.Errorf(format, args...), hint: hint}
}

// hintOf finds what to do: any error of a package below may carry it in a Hint method.
func hintOf(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	return ""
}

// exitCode is the code that err stands for.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if own, ok := errors.AsType[*exitError](err); ok {
		return own.code
	}
	return exitFailed
}

// finish is the one funnel of errors: it says what failed and what to do, in two lines on stderr, and gives the
// exit code. Secrets of the environment are taken out of the text, whoever put them in.
func (a *app) finish(ctx context.Context, command *cobra.Command, err error) int {
	code := exitCode(err)
	if code == exitOK {
		return code
	}
	if own, ok := errors.AsType[*exitError](err); ok && own.err == nil {
		return code
	}
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), errInterrupted) {
		err = failedf("Start it again to do all of it.", "interrupted before the work was done")
	}
	for _, one := range separate(err) {
		hint := hintOf(one)
		if hint == "" && code == exitUsage && command != nil {
			hint = seeHelp(command)
		}
		fmt.Fprintf(a.stderr, "honeydue: %s\n", indentRest(withoutRoom(a.redact(one.Error()))))
		if hint != "" {
			fmt.Fprintf(a.stderr, "  %s\n", indentRest(a.redact(hint)))
		}
	}
	return code
}

// separate takes errors.Join apart, so that each error stands beside its own hint.
func separate(err error) []error {
	inner := err
	if own, ok := err.(*exitError); ok { //nolint:errorlint // the outermost one is meant: what wraps it adds words
		inner = own.err
	}
	parts := joined(inner)
	if len(parts) == 0 {
		return []error{err}
	}
	var out []error
	for _, part := range parts {
		out = append(out, separate(part)...)
	}
	return out
}

// joined returns the parts of an error that is several errors and nothing more; one that adds words of its own has
// none.
func joined(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	texts := make([]string, 0, len(several.Unwrap()))
	for _, part := range several.Unwrap() {
		texts = append(texts, part.Error())
	}
	if strings.Join(texts, "\n") != err.Error() {
		return nil
	}
	return several.Unwrap()
}

// withoutRoom drops the name of the package that an error begins with: it tells a reader of the code who speaks, and
// a user nothing.
func withoutRoom(text string) string {
	for _, room := range []string{"api", "bench", "cache", "lab", "link", "probe", "report", "store", "telemetry", "verify", "warmup"} {
		if rest, ok := strings.CutPrefix(text, room+": "); ok {
			return rest
		}
	}
	return text
}

func indentRest(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ")
}
