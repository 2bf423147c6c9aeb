package app

import (
	"errors"
	"os"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// ReadTokens reads the users of a file as seed --tokens writes it, and hides their tokens.
func (a *App) ReadTokens(path string) ([]bench.User, error) {
	f, err := os.Open(path) //nolint:gosec // the file that the caller named
	if err != nil {
		return nil, exit.Usagef("Write one with: honeydue seed --tokens FILE.", "cannot read the tokens: %w", err)
	}
	users, err := bench.ReadUsers(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, exit.Usagef("Write one with: honeydue seed --tokens FILE.", "%s: %w", path, err)
	}
	tokens := make([]string, 0, len(users))
	for _, u := range users {
		tokens = append(tokens, u.Token.Reveal())
	}
	a.Hide(tokens...)
	return users, nil
}
