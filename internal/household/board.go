package household

import (
	"cmp"
	"slices"
	"time"
)

// Column is one column of the board.
type Column struct {
	Name  ColumnName `json:"name" enum:"overdue,due_soon,upcoming,in_progress,completed"`
	Count int        `json:"count" doc:"how many tasks are in this column; the completed column shows the 50 newest, every other column the first 200"`
	Tasks []Card     `json:"tasks"`
}

// Board is the kanban board over every residence that a user can see.
type Board struct {
	Columns []Column `json:"columns"`
}

// BoardInput is what the board is made of.
type BoardInput struct {
	Homes []Home
	// Cards holds the unarchived, unfinished tasks of the homes, at least the
	// first OpenShown of each column, and the newest CompletedShown of the tasks
	// completed within CompletedFor.
	Cards []Card
	// Counts is how many tasks belong in each column, those left out of Cards
	// included. Where it is less than the column's cards, these are counted.
	Counts      map[ColumnName]int
	Now         time.Time
	DueSoonDays int
}

// BuildBoard puts each card in its column by the local date of its residence.
// Within a column the earliest due date comes first and cards without one come
// last; completed cards stand newest first. Ties are broken by id, so that the
// same rows always give the same bytes. A card of a residence that is not
// among the homes is left out.
func BuildBoard(in BoardInput) Board {
	today := make(map[int64]Date, len(in.Homes))
	for _, h := range in.Homes {
		today[h.ID] = h.Today(in.Now)
	}
	names := ColumnNames()
	index := make(map[ColumnName]int, len(names))
	b := Board{Columns: make([]Column, len(names))}
	for i, n := range names {
		index[n] = i
		b.Columns[i] = Column{Name: n, Tasks: []Card{}}
	}
	for _, c := range in.Cards {
		day, seen := today[c.ResidenceID]
		if !seen {
			continue
		}
		col := &b.Columns[index[c.Column(day, in.DueSoonDays)]]
		col.Tasks = append(col.Tasks, c)
	}
	for i := range b.Columns {
		col := &b.Columns[i]
		order, shown := dueFirst, OpenShown
		if col.Name == ColumnCompleted {
			order, shown = newestFirst, CompletedShown
		}
		slices.SortFunc(col.Tasks, order)
		col.Count = max(in.Counts[col.Name], len(col.Tasks))
		col.Tasks = col.Tasks[:min(len(col.Tasks), shown)]
	}
	return b
}

// BoardValidUntil is the next instant at which a card of the board that was
// read at now may change its column or leave it, if nobody touches anything:
// the first local midnight of the homes after now, or the end of the time for
// which the longest completed card (nil for none) is shown.
func BoardValidUntil(homes []Home, oldestCompleted *time.Time, now time.Time) time.Time {
	until := Home{TimeZone: "UTC"}.nextDay(now)
	for i, h := range homes {
		if next := h.nextDay(now); i == 0 || next.Before(until) {
			until = next
		}
	}
	if oldestCompleted != nil {
		if leaves := oldestCompleted.Add(CompletedFor); leaves.Before(until) {
			until = leaves
		}
	}
	return until
}

// Later is the board at an instant after the one that it was built for, if nobody has
// changed anything meanwhile: cards change their column by the date, and completed
// ones leave. homes, oldestCompleted (as for BoardValidUntil) and dueSoonDays are those
// that it was built with; oldest is the first that is left of the completed ones. ok
// is false if a card may be missing: of a column that has more cards than it shows.
func (b Board) Later(homes []Home, oldestCompleted *time.Time, now time.Time, dueSoonDays int) (later Board, oldest *time.Time, ok bool) {
	in := BoardInput{Homes: homes, Now: now, DueSoonDays: dueSoonDays}
	since := now.Add(-CompletedFor)
	for _, col := range b.Columns {
		whole := col.Count == len(col.Tasks)
		switch {
		case col.Name != ColumnCompleted && !whole:
			return Board{}, nil, false
		case col.Name != ColumnCompleted:
			in.Cards = append(in.Cards, col.Tasks...)
		case whole:
			for _, c := range col.Tasks { // newest first
				switch {
				case c.CompletedAt == nil:
					return Board{}, nil, false // it was not built by BuildBoard
				case !c.CompletedAt.Before(since):
					in.Cards, oldest = append(in.Cards, c), c.CompletedAt
				}
			}
		case oldestCompleted == nil || oldestCompleted.Before(since):
			return Board{}, nil, false
		default:
			in.Cards, oldest = append(in.Cards, col.Tasks...), oldestCompleted
			in.Counts = map[ColumnName]int{col.Name: col.Count}
		}
	}
	return BuildBoard(in), oldest, true
}

func newestFirst(a, b Card) int {
	return cmp.Or(b.CompletedAt.Compare(*a.CompletedAt), cmp.Compare(b.ID, a.ID))
}

func dueFirst(a, b Card) int {
	return cmp.Or(compareDue(a.DueDate, b.DueDate), cmp.Compare(a.ID, b.ID))
}

func compareDue(a, b *Date) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	default:
		return a.utc().Compare(b.utc())
	}
}
