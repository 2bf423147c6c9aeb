package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// session is who asks, on routes that take a token.
type session struct {
	user      household.User
	tokenHash []byte
}

type sessionKey struct{}

// sessionFrom panics without a session: the table says which routes have one,
// and a handler that asks on another route is a bug.
func sessionFrom(ctx context.Context) session {
	s, ok := ctx.Value(sessionKey{}).(session)
	if !ok {
		panic("api: a handler asks for the session of a route that takes no token")
	}
	return s
}

// authenticate runs before the handlers of routes that need a token: one visit
// to Redis, and one DB turn if the token or the user is not cached. The look-up
// has the request's context, so its span nests under the request's.
func (s *Server) authenticate(ctx huma.Context, next func(huma.Context)) {
	who, err := s.identify(ctx.Context(), ctx.Header("Authorization"))
	if err != nil {
		s.problem(ctx.Context(), err).write(humagin.Unwrap(ctx).Writer)
		return
	}
	next(huma.WithValue(ctx, sessionKey{}, who))
}

func (s *Server) identify(ctx context.Context, header string) (session, error) {
	token, err := bearer(header)
	if err != nil {
		return session{}, err
	}
	hash := cache.TokenHash(token)
	r := s.cache.Authenticate(ctx, hash)
	exchangeFrom(ctx).reading = r
	switch {
	case r.Revoked:
		return session{}, invalidToken()
	case r.User != nil:
		return session{user: *r.User, tokenHash: hash}, nil
	}
	u, err := s.db.UserByToken(ctx, hash)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return session{}, invalidToken()
	case err != nil:
		return session{}, err
	}
	s.cache.Remember(ctx, r, u)
	return session{user: u, tokenHash: hash}, nil
}

// bearer takes "Token <token>" and "Bearer <token>" in any case of the scheme (RFC 9110, 11.1).
func bearer(header string) (string, error) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	switch {
	case header == "":
		return "", notAuthenticated("This needs a token. Log in and send it as Authorization: Token <token>.")
	case !strings.EqualFold(scheme, "Token") && !strings.EqualFold(scheme, "Bearer"), token == "":
		return "", notAuthenticated("The Authorization header is not understood. Send it as Authorization: Token <token>.")
	}
	return token, nil
}

func notAuthenticated(detail string) *Problem {
	return newProblem(http.StatusUnauthorized, codeNotAuthenticated, detail).
		withHeader("WWW-Authenticate", `Token realm="honeydue"`)
}

func invalidToken() *Problem {
	return newProblem(http.StatusUnauthorized, codeInvalidToken, "This token is unknown or was logged out. Log in again.").
		withHeader("WWW-Authenticate", `Token realm="honeydue", error="invalid_token"`)
}
