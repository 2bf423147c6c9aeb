package bench

import (
	"fmt"
	"net/http"
)

// warmUpError is a request before a phase that was not answered well.
type warmUpError struct{ failed Sample }

func (e *warmUpError) Error() string {
	return fmt.Sprintf("warming up: GET %s as user %d failed: %s", e.failed.Shot.Path, e.failed.Shot.User.ID, e.failed.why())
}

// Hint says what to do where the server does not know the token.
func (e *warmUpError) Hint() string {
	if e.failed.Reply.Status == http.StatusUnauthorized {
		return "Write new ones with honeydue seed --tokens FILE, or check that they belong to this server."
	}
	return ""
}
