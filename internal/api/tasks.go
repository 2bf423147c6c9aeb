package api

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/honeydue/honeydue/internal/household"
)

type (
	boardInput struct {
		Paging
		Days     int  `query:"days" minimum:"0" maximum:"366" default:"30" doc:"how many days after today still count as due soon"`
		Archived bool `query:"archived" doc:"list the archived tasks instead of the board"`
	}
	boardOutput     struct{ Body BoardOrTasks }
	createTaskInput struct{ Body household.NewTask }
	updateTaskInput struct {
		OneID
		Body TaskChanges
	}
	completeInput struct {
		OneID
		Body *Completion
	}
	taskOutput  struct{ Body household.Task }
	createdTask struct {
		Location string `header:"Location"`
		Body     household.Task
	}
)

// TaskChanges is a household.TaskPatch in which null takes the due date away,
// as in JSON merge patch (RFC 7396). For the other fields null is as good as absent.
type TaskChanges struct{ household.TaskPatch }

// UnmarshalJSON implements json.Unmarshaler.
func (c *TaskChanges) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &c.TaskPatch); err != nil {
		return err
	}
	var sent struct {
		DueDate json.RawMessage `json:"due_date"`
	}
	if err := json.Unmarshal(b, &sent); err != nil {
		return err
	}
	if string(sent.DueDate) == "null" {
		c.DueDate = &household.Date{}
	}
	return nil
}

// TransformSchema implements huma.SchemaTransformer.
func (*TaskChanges) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["due_date"].Nullable = true
	return s
}

// Completion is what may be said about a completion; all of it may be left out.
type Completion struct {
	Notes string `json:"notes,omitempty" maxLength:"5000"`
}

// BoardOrTasks is a household.Board, or a List of tasks when the archived ones
// are asked for.
type BoardOrTasks struct{ any }

// Schema implements huma.SchemaProvider.
func (BoardOrTasks) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[household.Board](), true, ""),
		r.Schema(reflect.TypeFor[List[household.Task]](), true, ""),
	}}
}

func (s *Server) board(ctx context.Context, in *boardInput) (*boardOutput, error) {
	me := sessionFrom(ctx).user.ID
	if in.Archived {
		l, err := s.db.ArchivedTasks(ctx, me, in.page())
		tasks, err := listed(ctx, s, l, err)
		if err != nil {
			return nil, err
		}
		return &boardOutput{Body: BoardOrTasks{tasks.Body}}, nil
	}
	now := s.now()
	rows, err := s.db.Board(ctx, me, now.Add(-household.CompletedFor))
	if err != nil {
		return nil, err
	}
	s.judgeIDs(ctx, rows.ResidenceIDs())
	return &boardOutput{Body: BoardOrTasks{household.BuildBoard(household.BoardInput{
		Homes: rows.Homes, Cards: rows.Cards, CompletedTotal: rows.CompletedTotal,
		Now: now, DueSoonDays: in.Days,
	})}}, nil
}

func (s *Server) createTask(ctx context.Context, in *createTaskInput) (*createdTask, error) {
	t, err := s.db.CreateTask(ctx, sessionFrom(ctx).user.ID, in.Body)
	if err != nil {
		return nil, err
	}
	return &createdTask{Location: fmt.Sprintf("/api/tasks/%d/", t.ID), Body: t}, nil
}

func (s *Server) updateTask(ctx context.Context, in *updateTaskInput) (*taskOutput, error) {
	return task(s.db.UpdateTask(ctx, sessionFrom(ctx).user.ID, in.ID, in.Body.TaskPatch))
}

func (s *Server) deleteTask(ctx context.Context, in *OneID) (*none, error) {
	return nil, s.db.DeleteTask(ctx, sessionFrom(ctx).user.ID, in.ID)
}

func (s *Server) getTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return task(s.db.Task(ctx, sessionFrom(ctx).user.ID, in.ID))
}

func (s *Server) completeTask(ctx context.Context, in *completeInput) (*taskOutput, error) {
	var notes string
	if in.Body != nil {
		notes = in.Body.Notes
	}
	return task(s.db.CompleteTask(ctx, sessionFrom(ctx).user.ID, in.ID, s.now(), notes))
}

func (s *Server) uncompleteTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return task(s.db.UncompleteTask(ctx, sessionFrom(ctx).user.ID, in.ID))
}

func (s *Server) startTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return task(s.db.StartTask(ctx, sessionFrom(ctx).user.ID, in.ID, s.now()))
}

func (s *Server) unstartTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return task(s.db.UnstartTask(ctx, sessionFrom(ctx).user.ID, in.ID))
}

func (s *Server) archiveTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return task(s.db.ArchiveTask(ctx, sessionFrom(ctx).user.ID, in.ID, s.now()))
}

func (s *Server) unarchiveTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return task(s.db.UnarchiveTask(ctx, sessionFrom(ctx).user.ID, in.ID))
}

func task(t household.Task, err error) (*taskOutput, error) {
	if err != nil {
		return nil, err
	}
	return &taskOutput{Body: t}, nil
}
