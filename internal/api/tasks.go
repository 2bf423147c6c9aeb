package api

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

type (
	boardInput struct {
		Days     int    `query:"days" minimum:"0" maximum:"366" default:"30" doc:"of the board: how many days after today still count as due soon; refused with archived=true"`
		Archived bool   `query:"archived" doc:"list the archived tasks instead of the board"`
		Cursor   Cursor `query:"cursor" doc:"of the archived tasks: next_cursor of the previous page; refused without archived=true"`
		Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"100" doc:"of the archived tasks; refused without archived=true"`
	}
	createTaskInput struct{ Body household.NewTask }
	updateTaskInput struct {
		OneID
		Body TaskChanges
	}
	completeInput struct {
		OneID
		Body *CompletionDetails
	}
	completionInput struct {
		OneID
		CompletionID int64 `path:"completion_id" minimum:"1"`
	}
	completionsInput struct {
		OneID
		Paging
	}
	completionsOutput struct{ Body List[household.Completion] }
	completedOutput   struct{ Body household.Completed }
	taskOutput        struct{ Body household.Task }
	createdTask       struct {
		Location string `header:"Location"`
		Body     household.Task
	}
)

// TaskChanges is a household.TaskPatch in which null takes the due date away,
// as in JSON merge patch (RFC 7396). For the other fields null is as good as absent.
type TaskChanges struct{ household.TaskPatch }

// UnmarshalJSON implements json.Unmarshaler.
func (c *TaskChanges) UnmarshalJSON(b []byte) error {
	return withNullDate(b, &c.TaskPatch, &c.DueDate)
}

// withNullDate decodes an object into v, and into due, which is v's due_date, an
// empty date where the object says null: encoding/json cannot tell that from absence.
func withNullDate(b []byte, v any, due **household.Date) error {
	if err := json.Unmarshal(b, v); err != nil {
		return err
	}
	var sent struct {
		DueDate json.RawMessage `json:"due_date"`
	}
	if err := json.Unmarshal(b, &sent); err != nil {
		return err
	}
	if string(sent.DueDate) == "null" {
		*due = &household.Date{}
	}
	return nil
}

// TransformSchema implements huma.SchemaTransformer.
func (*TaskChanges) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["due_date"].Nullable = true
	return s
}

// CompletionDetails is a household.NewCompletion in which a null due date names
// the occurrence of a task without one.
type CompletionDetails struct{ household.NewCompletion }

// UnmarshalJSON implements json.Unmarshaler.
func (c *CompletionDetails) UnmarshalJSON(b []byte) error {
	return withNullDate(b, &c.NewCompletion, &c.DueDate)
}

// TransformSchema implements huma.SchemaTransformer.
func (*CompletionDetails) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["due_date"].Nullable = true
	return s
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

func (s *Server) board(ctx context.Context, in *boardInput) (rendered, error) {
	if in.Archived {
		return s.archived(ctx, Paging{Cursor: in.Cursor, Limit: in.Limit}.page())
	}
	now, r := s.now(), exchangeFrom(ctx).reading
	return fromDatabase(ctx, s, func(ctx context.Context, hash []byte) (hotAnswer[household.Board], error) {
		if b, ok := boardAgain(r, now); ok {
			return b, nil
		}
		return boardAt(ctx, s.db, hash, now, in.Days)
	})
}

func (s *Server) archived(ctx context.Context, p store.Page) (rendered, error) {
	x := exchangeFrom(ctx)
	who, err := s.session(ctx, x.reading, sessionFrom(ctx).tokenHash)
	if err != nil {
		return rendered{}, err
	}
	l, err := s.db.ArchivedTasks(ctx, who.userID, p)
	if err != nil {
		return rendered{}, err
	}
	body, err := s.compressors.render(page(l))
	return rendered{body: body}, err
}

func (s *Server) createTask(ctx context.Context, in *createTaskInput) (*createdTask, error) {
	t, err := write(ctx, s, cache.Tasks.Scopes(in.Body.ResidenceID), func(ctx context.Context, w store.Write) (household.Task, error) {
		return s.db.CreateTask(ctx, w, sessionFrom(ctx).userID, in.Body)
	}, whereTaskIs)
	if err != nil {
		return nil, err
	}
	return &createdTask{Location: fmt.Sprintf("/api/tasks/%d/", t.ID), Body: t}, nil
}

// whereTaskIs leaves a hint for the next write on the task.
func whereTaskIs(t household.Task) cache.Effects {
	return cache.Effects{Item: cache.Item{In: cache.Tasks, ID: t.ID}, Residence: t.ResidenceID}
}

func (s *Server) deleteTask(ctx context.Context, in *OneID) (*none, error) {
	_, err := writeItem(ctx, s, failing(func(ctx context.Context, w store.Write) error {
		return s.db.DeleteTask(ctx, w, sessionFrom(ctx).userID, in.ID)
	}), nil)
	return nil, err
}

func (s *Server) getTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return task(s.db.Task(ctx, sessionFrom(ctx).userID, in.ID))
}

// changeTask is a write on one task that answers with the task.
func (s *Server) changeTask(ctx context.Context, run func(ctx context.Context, w store.Write, userID int64) (household.Task, error)) (*taskOutput, error) {
	return task(writeItem(ctx, s, func(ctx context.Context, w store.Write) (household.Task, error) {
		return run(ctx, w, sessionFrom(ctx).userID)
	}, whereTaskIs))
}

func (s *Server) updateTask(ctx context.Context, in *updateTaskInput) (*taskOutput, error) {
	return s.changeTask(ctx, func(ctx context.Context, w store.Write, me int64) (household.Task, error) {
		return s.db.UpdateTask(ctx, w, me, in.ID, in.Body.TaskPatch)
	})
}

func (s *Server) completeTask(ctx context.Context, in *completeInput) (*completedOutput, error) {
	var c household.NewCompletion
	if in.Body != nil {
		c = in.Body.NewCompletion
	}
	done, err := writeItem(ctx, s, func(ctx context.Context, w store.Write) (household.Completed, error) {
		return s.db.CompleteTask(ctx, w, sessionFrom(ctx).userID, in.ID, s.now(), c)
	}, func(c household.Completed) cache.Effects { return whereTaskIs(c.Task) })
	if err != nil {
		return nil, err
	}
	return &completedOutput{Body: done}, nil
}

func (s *Server) listCompletions(ctx context.Context, in *completionsInput) (*completionsOutput, error) {
	l, err := s.db.Completions(ctx, sessionFrom(ctx).userID, in.ID, in.page())
	if err != nil {
		return nil, err
	}
	return &completionsOutput{Body: page(l)}, nil
}

func (s *Server) deleteCompletion(ctx context.Context, in *completionInput) (*none, error) {
	_, err := s.changeTask(ctx, func(ctx context.Context, w store.Write, me int64) (household.Task, error) {
		return s.db.DeleteCompletion(ctx, w, me, in.ID, in.CompletionID)
	})
	return nil, err
}

func (s *Server) uncompleteTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return s.changeTask(ctx, func(ctx context.Context, w store.Write, me int64) (household.Task, error) {
		return s.db.UncompleteTask(ctx, w, me, in.ID)
	})
}

func (s *Server) startTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return s.changeTask(ctx, func(ctx context.Context, w store.Write, me int64) (household.Task, error) {
		return s.db.StartTask(ctx, w, me, in.ID, s.now())
	})
}

func (s *Server) unstartTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return s.changeTask(ctx, func(ctx context.Context, w store.Write, me int64) (household.Task, error) {
		return s.db.UnstartTask(ctx, w, me, in.ID)
	})
}

func (s *Server) archiveTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return s.changeTask(ctx, func(ctx context.Context, w store.Write, me int64) (household.Task, error) {
		return s.db.ArchiveTask(ctx, w, me, in.ID, s.now())
	})
}

func (s *Server) unarchiveTask(ctx context.Context, in *OneID) (*taskOutput, error) {
	return s.changeTask(ctx, func(ctx context.Context, w store.Write, me int64) (household.Task, error) {
		return s.db.UnarchiveTask(ctx, w, me, in.ID)
	})
}

func task(t household.Task, err error) (*taskOutput, error) {
	if err != nil {
		return nil, err
	}
	return &taskOutput{Body: t}, nil
}
