package bench

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// User is one account that the load test acts as.
type User struct {
	ID    int64
	Token Token
}

// Token is a login token. It prints as stars: no token may reach any output.
type Token struct{ secret string }

// NewToken wraps a login token.
func NewToken(secret string) Token { return Token{secret: secret} }

// Empty reports whether there is no token.
func (t Token) Empty() bool { return t.secret == "" }

// Reveal returns the token itself, for whoever sends it.
func (t Token) Reveal() string { return t.secret }

// String hides the token.
func (t Token) String() string { return "***" }

// GoString hides the token.
func (t Token) GoString() string { return "***" }

// MarshalText hides the token.
func (t Token) MarshalText() ([]byte, error) { return []byte("***"), nil }

// ReadUsers reads lines of `user_id token`, as `honeydue seed --tokens` writes
// them. Empty lines and lines that begin with # are skipped. A user may appear
// once only: a second token of the same user is no new user. Errors name the
// line and never quote it.
func ReadUsers(r io.Reader) ([]User, error) {
	var users []User
	seen := make(map[int64]bool)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		fields := strings.Fields(text)
		if len(fields) != 2 {
			return nil, fmt.Errorf("line %d of the tokens is not `user_id token`", n)
		}
		id, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil || id <= 0 {
			return nil, fmt.Errorf("line %d of the tokens does not begin with a user id", n)
		}
		if !plainToken(fields[1]) {
			return nil, fmt.Errorf("line %d of the tokens holds a token with characters that no header may carry", n)
		}
		if seen[id] {
			return nil, fmt.Errorf("line %d of the tokens repeats user %d", n, id)
		}
		seen[id] = true
		users = append(users, User{ID: id, Token: NewToken(fields[1])})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the tokens: %w", err)
	}
	return users, nil
}

// Spread begins the users at a place that the run's id chooses, a whole number of
// the plan's users from the first: a second run within the hour that a server
// remembers a user then mostly asks as others. Too few users for two runs keep their order.
func (h *Hitter) Spread(p Plan, users []User) []User {
	runs := 0
	if need := p.usersAtMost(); need > 0 {
		runs = len(users) / need
	}
	if runs < 2 {
		return users
	}
	chosen := binary.BigEndian.Uint64(h.run[:]) % uint64(runs)
	start := int(chosen) * (len(users) / runs) //nolint:gosec // chosen is less than runs, an int
	return slices.Concat(users[start:], users[:start])
}

// usersAtMost is how many accounts the plan asks as where there are enough.
func (p Plan) usersAtMost() int {
	n := p.UsersNeeded()
	if slices.ContainsFunc(p.Phases, func(q PhasePlan) bool {
		return q.Name == PhaseWarm || q.Name == PhaseMixed || q.Name == PhaseDB
	}) {
		n += warmUsers - 1
	}
	return n
}

// plainToken allows the visible ASCII characters.
func plainToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}
