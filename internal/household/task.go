package household

import "time"

// Task is one thing to do in a residence, once or again and again.
type Task struct {
	ID              int64      `json:"id"`
	ResidenceID     int64      `json:"residence_id"`
	Title           string     `json:"title"`
	Description     string     `json:"description"`
	Category        Category   `json:"category"`
	Priority        Priority   `json:"priority"`
	DueDate         *Date      `json:"due_date" format:"date" doc:"the day it is due, in the residence's time zone; null for none"`
	Frequency       Frequency  `json:"frequency"`
	StartedAt       *time.Time `json:"started_at"`
	CompletedAt     *time.Time `json:"completed_at" doc:"when a one-off task was completed; a recurring one moves its due date instead"`
	LastCompletedAt *time.Time `json:"last_completed_at"`
	Archived        bool       `json:"archived"`
	Version         int64      `json:"version"`
	CreatedAt       time.Time  `json:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at"`
}

// NewTask is what creating one takes.
type NewTask struct {
	ResidenceID int64     `json:"residence_id" minimum:"1"`
	Title       string    `json:"title" minLength:"1" maxLength:"200"`
	Description string    `json:"description,omitempty" format:"text" maxLength:"10000"`
	Category    Category  `json:"category,omitempty"`
	Priority    Priority  `json:"priority,omitempty"`
	DueDate     *Date     `json:"due_date,omitempty" format:"date"`
	Frequency   Frequency `json:"frequency,omitempty"`
}

// TaskPatch changes what is set and leaves the rest. An empty due date takes
// the date away.
type TaskPatch struct {
	Title       *string    `json:"title,omitempty" minLength:"1" maxLength:"200"`
	Description *string    `json:"description,omitempty" format:"text" maxLength:"10000"`
	Category    *Category  `json:"category,omitempty"`
	Priority    *Priority  `json:"priority,omitempty"`
	DueDate     *Date      `json:"due_date,omitempty" format:"date" doc:"YYYY-MM-DD; null or an empty string for no due date"`
	Frequency   *Frequency `json:"frequency,omitempty"`
}

// NewCompletion is what completing a task takes; all of it may be left out.
type NewCompletion struct {
	Notes string `json:"notes,omitempty" format:"text" maxLength:"5000"`
	// DueDate names the occurrence that was done, the zero date a task without a
	// due date; nil is whichever the task is at.
	DueDate *Date `json:"due_date,omitempty" format:"date" doc:"the occurrence that was done, null for a task without a due date; 409 occurrence_passed if the task has moved on. Send it, so that a repeated request does not complete the task twice"`
}

// Completed is a task after a completion.
type Completed struct {
	Task
	CompletionID *int64 `json:"completion_id" doc:"the completion that was recorded, or the earlier one that had finished the task"`
}

// Completion is a record that a task was done.
type Completion struct {
	ID          int64     `json:"id"`
	TaskID      int64     `json:"task_id"`
	DueDate     *Date     `json:"due_date" format:"date" doc:"the occurrence that was done, null for none"`
	CompletedBy *int64    `json:"completed_by" doc:"user id, null after the account was deleted"`
	CompletedAt time.Time `json:"completed_at"`
	Notes       string    `json:"notes"`
}

// Category is the part of the house that a task, contractor or document is about.
type Category string

// Priority is how much a task matters.
type Priority string

// PriorityMedium is what a task has when nobody said otherwise, and
// CategoryGeneral likewise.
const (
	PriorityMedium  Priority = "medium"
	CategoryGeneral Category = "general"
)

// Categories lists every category, in the order in which the app shows them.
func Categories() []Category {
	return []Category{
		CategoryGeneral, "plumbing", "electrical", "hvac", "appliances", "exterior",
		"garden", "cleaning", "safety", "pests", "paperwork",
	}
}

// Priorities lists every priority, the lowest first.
func Priorities() []Priority { return []Priority{"low", PriorityMedium, "high", "urgent"} }
