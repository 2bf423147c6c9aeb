package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// session is who asks, on routes that take a token.
type session struct {
	userID    int64
	tokenHash []byte
	// user is nil unless the database was asked for him on the way in.
	user *household.User
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
// to Redis, and one DB turn if the token is not cached. The look-up has the
// request's context, so its span nests under the request's (S9).
func (s *Server) authenticate(item cache.List) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		who, err := s.identify(ctx, item)
		if err != nil {
			s.problem(ctx.Context(), err).write(humagin.Unwrap(ctx).Writer)
			return
		}
		next(huma.WithValue(ctx, sessionKey{}, who))
	}
}

func (s *Server) identify(ctx huma.Context, item cache.List) (session, error) {
	token, err := bearer(ctx.Header("Authorization"))
	if err != nil {
		return session{}, err
	}
	q := cache.Question{Token: cache.TokenHash(token)}
	if item != "" {
		if id, err := strconv.ParseInt(ctx.Param("id"), 10, 64); err == nil {
			q.Item = cache.Item{In: item, ID: id}
		}
	}
	r := s.cache.Read(ctx.Context(), q)
	exchangeFrom(ctx.Context()).reading = r
	return s.session(ctx.Context(), r, q.Token)
}

// session is who the reading's token belongs to. Where Redis could not tell,
// the database does.
func (s *Server) session(ctx context.Context, r *cache.Reading, hash []byte) (session, error) {
	switch {
	case r.Revoked:
		return session{}, invalidToken()
	case r.UserID != 0:
		return session{userID: r.UserID, tokenHash: hash}, nil
	}
	u, err := s.lookUp(ctx, r, hash)
	return session{userID: u.ID, tokenHash: hash, user: &u}, err
}

// lookUp asks the database who the token belongs to, and fills the caches.
func (s *Server) lookUp(ctx context.Context, r *cache.Reading, hash []byte) (household.User, error) {
	u, residences, err := s.db.UserByToken(ctx, hash)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return household.User{}, invalidToken()
	case err != nil:
		return household.User{}, err
	}
	s.cache.Fill(ctx, r, cache.Answer{User: u, ResidenceIDs: residences})
	r.ResidenceIDs = residences // a write holds one of these
	return u, nil
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
