package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// JoinCode is how a residence is joined.
type JoinCode struct {
	Code string `json:"code" minLength:"1" maxLength:"32"`
}

// RoleChange is what a member becomes.
type RoleChange struct {
	Role household.Role `json:"role" enum:"admin,member"`
}

// OneID is the path of one thing. Exported, like Paging, as huma passes over
// embedded fields that are not.
type OneID struct {
	ID int64 `path:"id" minimum:"1"`
}

// MemberID is the path of one member of a residence.
type MemberID struct {
	OneID
	UserID int64 `path:"user_id" minimum:"1"`
}

type (
	createResidenceInput struct{ Body household.NewResidence }
	updateResidenceInput struct {
		OneID
		Body household.ResidencePatch
	}
	joinInput        struct{ Body JoinCode }
	residenceOutput  struct{ Body household.Residence }
	createdResidence struct {
		Location string `header:"Location"`
		Body     household.Residence
	}
	createdShareCode struct {
		Location string `header:"Location"`
		Body     household.ShareCode
	}
	setRoleInput struct {
		MemberID
		Body RoleChange
	}
	memberOutput struct{ Body household.Member }
)

func (s *Server) listResidences(ctx context.Context, in *Paging) (rendered, error) {
	return fromDatabase(ctx, s, func(ctx context.Context, hash []byte) (hotAnswer[List[household.Residence]], error) {
		return paged(s.db.Residences(ctx, hash, in.page()))
	})
}

func (s *Server) createResidence(ctx context.Context, in *createResidenceInput) (*createdResidence, error) {
	if z := in.Body.TimeZone; z != "" {
		if err := household.ValidTimeZone(z); err != nil {
			return nil, invalid("body.time_zone", err.Error())
		}
	}
	me := sessionFrom(ctx).userID
	r, err := write(ctx, s, []cache.Scope{cache.UserScope(me)}, func(ctx context.Context, w store.Write) (household.Residence, error) {
		return s.db.CreateResidence(ctx, w, me, in.Body)
	}, func(r household.Residence) cache.Effects {
		return cache.Effects{Access: []int64{me}, Scopes: cache.ResidenceScopes(r.ID)}
	})
	if err != nil {
		return nil, err
	}
	return &createdResidence{Location: fmt.Sprintf("/api/residences/%d/", r.ID), Body: r}, nil
}

func (s *Server) getResidence(ctx context.Context, in *OneID) (*residenceOutput, error) {
	r, err := s.db.Residence(ctx, sessionFrom(ctx).userID, in.ID)
	if err != nil {
		return nil, err
	}
	return &residenceOutput{Body: r}, nil
}

func (s *Server) updateResidence(ctx context.Context, in *updateResidenceInput) (*residenceOutput, error) {
	if z := in.Body.TimeZone; z != nil {
		if err := household.ValidTimeZone(*z); err != nil {
			return nil, invalid("body.time_zone", err.Error())
		}
	}
	r, err := write(ctx, s, cache.ResidenceScopes(in.ID), func(ctx context.Context, w store.Write) (household.Residence, error) {
		return s.db.UpdateResidence(ctx, w, sessionFrom(ctx).userID, in.ID, in.Body)
	}, nil)
	if err != nil {
		return nil, err
	}
	return &residenceOutput{Body: r}, nil
}

func (s *Server) deleteResidence(ctx context.Context, in *OneID) (*none, error) {
	_, err := write(ctx, s, cache.ResidenceScopes(in.ID), func(ctx context.Context, w store.Write) ([]int64, error) {
		return s.db.DeleteResidence(ctx, w, sessionFrom(ctx).userID, in.ID)
	}, func(members []int64) cache.Effects {
		var users []cache.Scope
		for _, id := range members {
			users = append(users, cache.UserScope(id))
		}
		return cache.Effects{Access: members, Scopes: users}
	})
	return nil, err
}

func (s *Server) createShareCode(ctx context.Context, in *OneID) (*createdShareCode, error) {
	c, err := s.db.CreateShareCode(ctx, sessionFrom(ctx).userID, in.ID, household.ShareCode{
		Code: newShareCode(), ExpiresAt: s.now().Add(household.ShareCodeTTL),
	})
	if err != nil {
		return nil, err
	}
	// The code is used, and not read again: what it opens is its location.
	return &createdShareCode{Location: "/api/residences/join-with-code/", Body: c}, nil
}

func (s *Server) joinResidence(ctx context.Context, in *joinInput) (*residenceOutput, error) {
	me := sessionFrom(ctx).userID
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
	if err != nil {
		return nil, err
	}
	return &residenceOutput{Body: e.Residence}, nil
}

func (s *Server) listMembers(ctx context.Context, in *OneID) (*membersOutput, error) {
	m, err := s.db.Members(ctx, sessionFrom(ctx).userID, in.ID)
	if err != nil {
		return nil, err
	}
	return &membersOutput{Body: List[household.Member]{Items: m}}, nil
}

type membersOutput struct{ Body List[household.Member] }

func (s *Server) setMemberRole(ctx context.Context, in *setRoleInput) (*memberOutput, error) {
	m, err := write(ctx, s, []cache.Scope{cache.UserScope(in.UserID)}, func(ctx context.Context, w store.Write) (household.Member, error) {
		return s.db.SetRole(ctx, w, sessionFrom(ctx).userID, in.ID, in.UserID, in.Body.Role)
	}, func(household.Member) cache.Effects { return cache.Effects{Access: []int64{in.UserID}} })
	if err != nil {
		return nil, err
	}
	return &memberOutput{Body: m}, nil
}

func (s *Server) removeMember(ctx context.Context, in *MemberID) (*none, error) {
	_, err := write(ctx, s, []cache.Scope{cache.UserScope(in.UserID)}, failing(func(ctx context.Context, w store.Write) error {
		return s.db.RemoveMember(ctx, w, sessionFrom(ctx).userID, in.ID, in.UserID)
	}), func(none) cache.Effects { return cache.Effects{Access: []int64{in.UserID}} })
	return nil, err
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
