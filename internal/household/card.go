package household

import "time"

// Card is what the board shows of a task: nothing that a card does not show
// travels 110 ms (a result over 13.5 KB costs a second round trip).
type Card struct {
	ID              int64      `json:"id"`
	ResidenceID     int64      `json:"residence_id"`
	Title           string     `json:"title"`
	Category        Category   `json:"category"`
	Priority        Priority   `json:"priority"`
	DueDate         *Date      `json:"due_date" format:"date"`
	Frequency       Frequency  `json:"frequency"`
	StartedAt       *time.Time `json:"started_at"`
	CompletedAt     *time.Time `json:"completed_at"`
	LastCompletedAt *time.Time `json:"last_completed_at"`
	Version         int64      `json:"version"`
}

// ColumnName names a column of the board.
type ColumnName string

// The columns, in the order of the board.
const (
	ColumnOverdue    ColumnName = "overdue"
	ColumnDueSoon    ColumnName = "due_soon"
	ColumnUpcoming   ColumnName = "upcoming"
	ColumnInProgress ColumnName = "in_progress"
	ColumnCompleted  ColumnName = "completed"
)

// ColumnNames lists the columns in the order of the board.
func ColumnNames() []ColumnName {
	return []ColumnName{ColumnOverdue, ColumnDueSoon, ColumnUpcoming, ColumnInProgress, ColumnCompleted}
}

const (
	// DueSoonDays is the default width of the due_soon column, in days after today.
	DueSoonDays = 30
	// CompletedFor is how long a completed task stays on the board.
	CompletedFor = 30 * 24 * time.Hour
	// CompletedShown is how many completed tasks the board shows at most; the
	// column's count tells how many there are.
	CompletedShown = 50
	// OpenShown is how many tasks each other column shows at most, so that the
	// board of a house with thousands of tasks stays one that a phone can take.
	OpenShown = 200
)

// Column says where the card stands on the given local day. A task is in
// exactly one column: completed goes before in_progress, that before overdue,
// due_soon and upcoming; without a due date it is upcoming. due_soon is from
// today to dueSoonDays days later, both included.
func (c Card) Column(today Date, dueSoonDays int) ColumnName {
	switch {
	case c.CompletedAt != nil:
		return ColumnCompleted
	case c.StartedAt != nil:
		return ColumnInProgress
	case c.DueDate == nil || c.DueDate.IsZero():
		return ColumnUpcoming
	case c.DueDate.Before(today):
		return ColumnOverdue
	case c.DueDate.After(today.AddDays(dueSoonDays)):
		return ColumnUpcoming
	default:
		return ColumnDueSoon
	}
}
