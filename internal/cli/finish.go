package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// finish is the one funnel of errors: it says what failed and what to do, in two lines on stderr, and gives the
// exit code. Secrets of the environment are taken out of the text, whoever put them in.
func finish(ctx context.Context, a *app.App, command *cobra.Command, err error) int {
	code := exit.Code(err)
	if code == exit.OK {
		return code
	}
	if own, ok := errors.AsType[*exit.Error](err); ok && own.Err == nil {
		return code
	}
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), app.ErrInterrupted) {
		err = exit.Failedf("Start it again to do all of it.", "interrupted before the work was done")
	}
	for _, one := range separate(err) {
		hint := exit.HintOf(one)
		if hint == "" && code == exit.BadUsage && command != nil {
			hint = app.SeeHelp(command)
		}
		fmt.Fprintf(a.Stderr, "honeydue: %s\n", indentRest(withoutPackage(a.Redact(one.Error()))))
		if hint != "" {
			fmt.Fprintf(a.Stderr, "  %s\n", indentRest(a.Redact(hint)))
		}
	}
	return code
}

// separate takes errors.Join apart, so that each error stands beside its own hint.
func separate(err error) []error {
	inner := err
	if own, ok := err.(*exit.Error); ok { //nolint:errorlint // the outermost one is meant: what wraps it adds words
		inner = own.Err
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

// withoutPackage drops the name of the package that an error begins with: it helps a reader of the code, and not a user.
func withoutPackage(text string) string {
	for _, name := range []string{"api", "bench", "cache", "lab", "link", "probe", "report", "store", "telemetry", "verify", "warmup"} {
		if rest, ok := strings.CutPrefix(text, name+": "); ok {
			return rest
		}
	}
	return text
}

func indentRest(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ")
}
