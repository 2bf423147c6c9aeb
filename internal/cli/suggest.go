package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// flagError turns what pflag says into a usage error, with the nearest flag as a suggestion.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	hint := app.SeeHelp(cmd)
	if missing, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if near := nearestFlag(cmd, missing.GetSpecifiedName()); near != "" {
			hint = fmt.Sprintf("Did you mean '--%s'?", near)
		}
		return exit.Usagef(hint, "'%s' has no flag '%s'", cmd.CommandPath(), dashed(missing.GetSpecifiedName()))
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		what, example := valueKind(bad.GetFlag().Value.Type())
		return exit.Usagef("Give it "+example+".", "--%s %q is not %s", bad.GetFlag().Name, bad.GetValue(), what)
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return exit.Usagef(hint, "'%s' needs a value for '--%s'", cmd.CommandPath(), missing.GetFlag().Name)
	}
	return exit.Usagef(hint, "%w", err)
}

// valueKind says what a flag of that pflag type takes, and gives an example.
func valueKind(pflagType string) (what, example string) {
	switch pflagType {
	case "duration":
		return "a duration", "a unit, such as 200ms, 5s or 1m"
	case "bool":
		return "true or false", "no value, or true or false"
	case "float64":
		return "a number", "a number, such as 50 or 0.5"
	case "int", "int32", "int64", "uint", "uint32", "uint64":
		return "a whole number in the allowed range", "digits alone, such as 20"
	case "intSlice":
		return "a list of whole numbers", "whole numbers with commas between them, such as 301,404"
	}
	return "a " + pflagType, "another value"
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func nearestFlag(cmd *cobra.Command, name string) string {
	best, bestDistance := "", app.SuggestWithin+1
	consider := func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		distance := editDistance(name, f.Name)
		if len(name) > 2 && strings.HasPrefix(f.Name, name) {
			distance = min(distance, 1)
		}
		if distance < bestDistance {
			best, bestDistance = f.Name, distance
		}
	}
	cmd.Flags().VisitAll(consider)
	cmd.InheritedFlags().VisitAll(consider)
	return best
}

// editDistance is Levenshtein's: insertions, deletions and replacements that turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
