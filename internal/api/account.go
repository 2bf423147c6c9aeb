package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// Registration is what an account takes.
type Registration struct {
	Email    string `json:"email" format:"email" maxLength:"254"`
	Password string `json:"password" minLength:"8" maxLength:"200" writeOnly:"true"`
	Name     string `json:"name" minLength:"1" maxLength:"100"`
}

// Login is how an account is opened.
type Login struct {
	Email    string `json:"email" maxLength:"254"`
	Password string `json:"password" maxLength:"200" writeOnly:"true"`
}

// Authentication is what register and login answer.
type Authentication struct {
	Token string         `json:"token" doc:"send it as Authorization: Token <token>"`
	User  household.User `json:"user"`
}

type (
	registerInput  struct{ Body Registration }
	registerOutput struct {
		Location string `header:"Location"`
		Body     Authentication
	}
	loginInput    struct{ Body Login }
	loginOutput   struct{ Body Authentication }
	none          struct{}
	userOutput    struct{ Body household.User }
	updateMeInput struct{ Body household.UserPatch }
)

func (s *Server) register(ctx context.Context, in *registerInput) (*registerOutput, error) {
	email := household.FoldEmail(in.Body.Email)
	attempt, err := s.admitRegistration(ctx, email)
	if err != nil {
		return nil, err
	}
	hash, err := s.passwords.hash(ctx, in.Body.Password)
	if err != nil {
		s.cache.Forgive(ctx, attempt, "")
		return nil, err
	}
	token := newToken()
	u, err := s.db.Register(ctx, store.NewUser{
		Email: email, Name: in.Body.Name, PasswordHash: hash,
	}, cache.TokenHash(token))
	if err != nil {
		if !errors.Is(err, store.ErrConflict) {
			s.cache.Forgive(ctx, attempt, "") // ours to answer for: nothing was learned about the address
		}
		return nil, err
	}
	return &registerOutput{Location: "/api/auth/me/", Body: Authentication{Token: token, User: u}}, nil
}

func (s *Server) login(ctx context.Context, in *loginInput) (*loginOutput, error) {
	email := household.FoldEmail(in.Body.Email)
	attempt, here, err := s.admitLogin(ctx, email)
	if err != nil {
		return nil, err
	}
	u, ok, err := s.authenticates(ctx, email, in.Body.Password)
	if err != nil {
		s.cache.Forgive(ctx, attempt, "")
		return nil, err
	}
	if !ok {
		return nil, newProblem(http.StatusUnauthorized, codeWrongLogin, "The e-mail address or the password is wrong. Try again.").
			withHeader("WWW-Authenticate", `Token realm="honeydue"`)
	}
	s.cache.Forgive(ctx, attempt, here)
	token := newToken()
	if err := s.db.CreateToken(ctx, u.ID, cache.TokenHash(token)); err != nil {
		return nil, err
	}
	return &loginOutput{Body: Authentication{Token: token, User: u}}, nil
}

// authenticates reports whether the password is that of the account. It does
// the same work for an address without an account as for one with a wrong
// password, so that its time does not reveal who has an account.
func (s *Server) authenticates(ctx context.Context, email, password string) (household.User, bool, error) {
	u, hash, err := s.db.Credentials(ctx, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return household.User{}, false, err
	}
	known := err == nil
	ok, err := s.passwords.matches(ctx, password, hash)
	return u, ok && known, err
}

func (s *Server) logout(ctx context.Context, _ *none) (*none, error) {
	who := sessionFrom(ctx)
	_, err := write(ctx, s, []cache.Scope{cache.UserScope(who.userID)}, failing(func(ctx context.Context, w store.Write) error {
		// Not found: someone logged this token out at the same moment. It is gone, as asked.
		if err := s.db.DeleteToken(ctx, w, who.userID, who.tokenHash); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	}), func(none) cache.Effects { return cache.Effects{Revoked: who.tokenHash} })
	return nil, err
}

func (s *Server) me(ctx context.Context, _ *none) (*userOutput, error) {
	who, r := sessionFrom(ctx), exchangeFrom(ctx).reading
	if who.user != nil {
		return &userOutput{Body: *who.user}, nil
	}
	u, known := s.cache.User(r)
	if !known {
		var err error
		if u, err = s.lookUp(ctx, r, who.tokenHash); err != nil {
			return nil, err
		}
	}
	return &userOutput{Body: u}, nil
}

func (s *Server) updateMe(ctx context.Context, in *updateMeInput) (*userOutput, error) {
	me := sessionFrom(ctx).userID
	u, err := write(ctx, s, []cache.Scope{cache.UserScope(me)}, func(ctx context.Context, w store.Write) (household.User, error) {
		return s.db.UpdateUser(ctx, w, me, in.Body)
	}, nil)
	if err != nil {
		return nil, err
	}
	return &userOutput{Body: u}, nil
}

// newToken is 160 random bits in hex, the form of the tokens that the app has always kept.
func newToken() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}
