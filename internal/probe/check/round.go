package check

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Round is a result in one line beside the one before it: what has moved, or that nothing has. before is nil for the
// first round.
func Round(r facts.Result, before *facts.Result) string {
	if before == nil {
		return r.Verdict
	}
	var moved []string
	for _, c := range Since(r, *before) {
		s := fmt.Sprintf("%s: %s -> %s", c.What, c.Before, c.After)
		if c.DeltaMS != 0 {
			s += fmt.Sprintf(" (%+.1f)", c.DeltaMS)
		}
		moved = append(moved, s)
	}
	if len(moved) == 0 {
		return "Nothing has changed. " + r.Verdict
	}
	return strings.Join(moved, "; ") + ". " + r.Verdict
}
