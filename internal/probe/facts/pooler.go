package facts

import (
	"fmt"
)

// NoConsole says why the pooler's console told nothing, or nothing if it did.
func (o *Observation) NoConsole() string {
	switch c := o.Ways.Console; {
	case !o.Pooler.Pooled && o.Pooler.Failed == nil:
		return "There is no pooler."
	case o.Config.AdminURL == "":
		return "PGBOUNCER_ADMIN_URL is not set."
	case c == nil:
		return fmt.Sprintf("The pooler's console can't be used: %s.", FailureText(o.Ways.ConsoleFailed))
	case c.Failed != nil:
		return fmt.Sprintf("The pooler's console does not answer: %s.", c.Failed)
	}
	return ""
}
