package api

import (
	"context"
	"errors"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// Delta is what has changed for a user since a cursor.
type Delta struct {
	Cursor      string                 `json:"cursor" doc:"pass it as ?since= the next time"`
	Full        bool                   `json:"full" doc:"drop everything that is stored: all that the user can see follows"`
	Residences  []household.Residence  `json:"residences" nullable:"false"`
	Tasks       []household.Task       `json:"tasks" nullable:"false"`
	Contractors []household.Contractor `json:"contractors" nullable:"false"`
	Documents   []household.Document   `json:"documents" nullable:"false"`
	Gone        Gone                   `json:"gone"`
	Replaced    []int64                `json:"replaced" nullable:"false" doc:"residences whose tasks, contractors and documents have to be dropped before the new ones are taken"`
}

// Gone is what the user sees no more; with a residence goes all that lies in it.
type Gone struct {
	Residences  []int64 `json:"residences" nullable:"false"`
	Tasks       []int64 `json:"tasks" nullable:"false"`
	Contractors []int64 `json:"contractors" nullable:"false"`
	Documents   []int64 `json:"documents" nullable:"false"`
}

type (
	syncInput struct {
		Since string `query:"since" maxLength:"4000" doc:"cursor of the previous answer; none for everything"`
	}
	syncOutput struct{ Body Delta }
)

// sync answers from one snapshot, in one turn. Applying an answer twice does no harm.
func (s *Server) sync(ctx context.Context, in *syncInput) (*syncOutput, error) {
	d, err := s.db.Sync(ctx, sessionFrom(ctx).userID, in.Since)
	if errors.Is(err, store.ErrInvalid) {
		return nil, invalid("query.since", "must be the unchanged cursor of a previous answer")
	}
	if err != nil {
		return nil, err
	}
	return &syncOutput{Body: newDelta(d)}, nil
}

func newDelta(d store.Delta) Delta {
	return Delta{
		Cursor: d.Cursor, Full: d.Full,
		Residences: filled(d.Residences), Tasks: filled(d.Tasks), Contractors: filled(d.Contractors), Documents: filled(d.Documents),
		Gone: Gone{
			Residences: filled(d.Gone.Residences), Tasks: filled(d.Gone.Tasks),
			Contractors: filled(d.Gone.Contractors), Documents: filled(d.Gone.Documents),
		},
		Replaced: filled(d.Replaced),
	}
}
