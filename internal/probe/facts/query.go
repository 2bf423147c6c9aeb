package facts

import (
	"fmt"
)

// Who names a hot path for people.
func (h HotPath) Who() string { return fmt.Sprintf("%s for the %s user", h.Name, h.Subject) }
