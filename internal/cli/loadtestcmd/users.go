package loadtestcmd

import (
	"context"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// login gets the one user of --email at a server.
func (a command) login(ctx context.Context, o *loadtestOptions, h *bench.Hitter) ([]bench.User, error) {
	password := a.Getenv(o.passwordEnv)
	if password == "" {
		return nil, exit.Usagef("Set it to the password of --email.", "the variable %s is empty", o.passwordEnv)
	}
	a.Hide(password) // the variable may have any name
	user, err := h.Login(ctx, o.email, password)
	if err != nil {
		return nil, exit.Failedf("See that the server is up, and that e-mail and password are right.", "%w", err)
	}
	a.Hide(user.Token.Reveal())
	return []bench.User{user}, nil
}

func (a command) readUsers(o *loadtestOptions, tokens string) ([]bench.User, error) {
	if tokens == "" {
		return nil, nil
	}
	users, err := a.ReadTokens(tokens)
	if err != nil {
		return nil, err
	}
	return users, exit.Usage(o.plan.Check(len(users), o.restartCmd != ""))
}
