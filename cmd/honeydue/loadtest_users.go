package main

import (
	"context"
	"errors"
	"os"

	"github.com/honeydue/honeydue/internal/bench"
)

// login gets the one user of --email at a server.
func (a *app) login(ctx context.Context, o *loadtestOptions, h *bench.Hitter) ([]bench.User, error) {
	password := a.getenv(o.passwordEnv)
	if password == "" {
		return nil, usagef("Set it to the password of --email.", "the variable %s is empty", o.passwordEnv)
	}
	a.hide(password) // the variable may have any name
	user, err := h.Login(ctx, o.email, password)
	if err != nil {
		return nil, failedf("See that the server is up, and that e-mail and password are right.", "%w", err)
	}
	a.hide(user.Token.Reveal())
	return []bench.User{user}, nil
}

// readTokens reads the users of a file as seed --tokens writes it, and hides their tokens.
func (a *app) readTokens(path string) ([]bench.User, error) {
	f, err := os.Open(path) //nolint:gosec // the file that the caller named
	if err != nil {
		return nil, usagef("Write one with: honeydue seed --tokens FILE.", "cannot read the tokens: %w", err)
	}
	users, err := bench.ReadUsers(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, usagef("Write one with: honeydue seed --tokens FILE.", "%s: %w", path, err)
	}
	tokens := make([]string, 0, len(users))
	for _, u := range users {
		tokens = append(tokens, u.Token.Reveal())
	}
	a.hide(tokens...)
	return users, nil
}

func (a *app) readUsers(o *loadtestOptions, tokens string) ([]bench.User, error) {
	if tokens == "" {
		return nil, nil
	}
	users, err := a.readTokens(tokens)
	if err != nil {
		return nil, err
	}
	return users, usage(o.plan.Check(len(users), o.restartCmd != ""))
}
