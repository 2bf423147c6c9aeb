package api

import (
	"context"
	"fmt"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

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
	residenceOutput  struct{ Body household.Residence }
	createdResidence struct {
		Location string `header:"Location"`
		Body     household.Residence
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
		return cache.Effects{Access: []int64{me}, Scopes: cache.WholeResidence(r.ID)}
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
	r, err := write(ctx, s, changedResidence(in.ID), func(ctx context.Context, w store.Write) (household.Residence, error) {
		return s.db.UpdateResidence(ctx, w, sessionFrom(ctx).userID, in.ID, in.Body)
	}, nil)
	if err != nil {
		return nil, err
	}
	return &residenceOutput{Body: r}, nil
}

// changedResidence is what a change of a residence's own fields touches: the
// list of residences, and the board, which shows local dates. What lies in a
// residence that is deleted or comes back changes as well.
func changedResidence(id int64) []cache.Scope {
	return []cache.Scope{cache.Residences.Scope(id), cache.Tasks.Scope(id)}
}

func (s *Server) deleteResidence(ctx context.Context, in *OneID) (*none, error) {
	_, err := write(ctx, s, cache.WholeResidence(in.ID), func(ctx context.Context, w store.Write) ([]int64, error) {
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
