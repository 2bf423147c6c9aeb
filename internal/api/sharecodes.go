package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// JoinCode is how a residence is joined.
type JoinCode struct {
	Code string `json:"code" minLength:"1" maxLength:"32"`
}

// ShareCodeID is the path of one share code of a residence.
type ShareCodeID struct {
	OneID
	CodeID int64 `path:"code_id" minimum:"1"`
}

// ShareCodesOf is which page of a residence's share codes is wanted.
type ShareCodesOf struct {
	OneID
	Paging
}

type (
	joinInput            struct{ Body JoinCode }
	createShareCodeInput struct {
		OneID
		Body *household.NewShareCode
	}
	createdShareCode struct {
		Location string `header:"Location"`
		Body     household.IssuedShareCode
	}
	shareCodesOutput struct{ Body List[household.ShareCode] }
)

func (s *Server) createShareCode(ctx context.Context, in *createShareCodeInput) (*createdShareCode, error) {
	ttl, maxUses := household.ShareCodeTTL, (*int)(nil)
	if n := in.Body; n != nil {
		maxUses = n.MaxUses
		if n.ExpiresInHours != 0 {
			ttl = time.Duration(n.ExpiresInHours) * time.Hour
		}
	}
	c, err := s.db.CreateShareCode(ctx, sessionFrom(ctx).userID, in.ID, newShareCode(), s.now().Add(ttl), maxUses)
	if err != nil {
		return nil, err
	}
	return &createdShareCode{Location: fmt.Sprintf("/api/residences/%d/share-codes/%d/", in.ID, c.ID), Body: c}, nil
}

func (s *Server) listShareCodes(ctx context.Context, in *ShareCodesOf) (*shareCodesOutput, error) {
	l, err := s.db.ShareCodes(ctx, sessionFrom(ctx).userID, in.ID, s.now(), in.page())
	if err != nil {
		return nil, err
	}
	return &shareCodesOutput{Body: page(l)}, nil
}

func (s *Server) revokeShareCode(ctx context.Context, in *ShareCodeID) (*none, error) {
	return nil, s.db.RevokeShareCode(ctx, sessionFrom(ctx).userID, in.ID, in.CodeID, s.now())
}

func (s *Server) joinResidence(ctx context.Context, in *joinInput) (*residenceOutput, error) {
	me := sessionFrom(ctx).userID
	attempt, err := s.admitJoin(ctx, me)
	if err != nil {
		return nil, err
	}
	type entry struct {
		household.Residence
		joined bool
	}
	e, err := write(ctx, s, []cache.Scope{cache.UserScope(me)}, func(ctx context.Context, w store.Write) (entry, error) {
		r, joined, err := s.db.JoinWithCode(ctx, w, me, normalShareCode(in.Body.Code), s.now())
		return entry{r, joined}, err
	}, func(e entry) cache.Effects {
		if !e.joined {
			return cache.Effects{}
		}
		return cache.Effects{Access: []int64{me}}
	})
	if !errors.Is(err, store.ErrNotFound) { // else it was a guess
		s.cache.Forgive(ctx, attempt, "")
	}
	if err != nil {
		return nil, err
	}
	return &residenceOutput{Body: e.Residence}, nil
}

// shareCodeLetters leaves out what is taken for one another when read aloud or
// typed: 0 and O, 1, I and L, U and V.
const shareCodeLetters = "23456789ABCDEFGHJKMNPQRSTWXYZ"

// newShareCode has eight letters, 38 bits: at a thousand guesses a second one
// of a million live codes is not found within its day.
func newShareCode() string {
	code := make([]byte, 0, 8)
	var b [1]byte
	for len(code) < cap(code) {
		_, _ = rand.Read(b[:])                                 // never fails: crypto/rand ends the process instead
		if n := int(b[0]); n < 256-256%len(shareCodeLetters) { // else some letters would be likelier
			code = append(code, shareCodeLetters[n%len(shareCodeLetters)])
		}
	}
	return string(code)
}

// normalShareCode forgives small letters, blanks and dashes.
func normalShareCode(s string) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(strings.ToUpper(s))
}
