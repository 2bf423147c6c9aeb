package store

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
)

// BoardRows is what household.BuildBoard needs from the database.
type BoardRows struct {
	Homes []household.Home
	Cards []household.Card
	// CompletedTotal counts the tasks completed since the given instant, those
	// beyond the newest household.CompletedShown included.
	CompletedTotal int
}

// ResidenceIDs are the homes' ids, sorted.
func (b BoardRows) ResidenceIDs() []int64 {
	ids := make([]int64, 0, len(b.Homes))
	for _, h := range b.Homes {
		ids = append(ids, h.ID)
	}
	slices.Sort(ids)
	return ids
}

const cardColumns = `t.id, t.residence_id, t.title, t.category, t.priority, t.due_date, t.frequency, t.started_at, t.completed_at, t.last_completed_at, t.version`

var taskBoard = Query{
	Name: "task_board",
	// The homes come as rows of their own, so that their time zones travel once
	// and not with every card. Open and completed tasks are two branches, each
	// of them a range of tasks_board_idx: an OR would read all that was ever
	// completed.
	SQL: `/* task_board */ WITH ` + homesCTE + `, done AS (
	SELECT ` + cardColumns + `, count(*) OVER () AS total
	FROM homes h JOIN tasks t ON t.residence_id = h.id
	WHERE NOT t.archived AND t.completed_at >= $2::timestamptz
	ORDER BY t.completed_at DESC, t.id DESC LIMIT $3::int
)
SELECT NULL::bigint, h.id, h.time_zone, NULL, NULL, NULL::date, NULL, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz, NULL::bigint, NULL::bigint
FROM homes h
UNION ALL
SELECT ` + cardColumns + `, NULL
FROM homes h JOIN tasks t ON t.residence_id = h.id
WHERE NOT t.archived AND t.completed_at IS NULL
UNION ALL
SELECT * FROM done`,
	Hot: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.At.Add(-household.CompletedFor), household.CompletedShown}
	},
}

// Board reads what the kanban board of the user is made of: every unarchived
// open task, and the newest of those completed since the given instant.
func (db *DB) Board(ctx context.Context, userID int64, since time.Time) (BoardRows, error) {
	var b BoardRows
	reset := func() { b = BoardRows{} }
	err := db.each(ctx, taskBoard, []any{userID, since, household.CompletedShown}, reset, func(rows pgx.Rows) error {
		if rows.RawValues()[0] == nil {
			b.Homes = append(b.Homes, household.Home{})
			h := &b.Homes[len(b.Homes)-1]
			return rows.Scan(nil, &h.ID, &h.TimeZone, nil, nil, nil, nil, nil, nil, nil, nil, nil)
		}
		b.Cards = append(b.Cards, household.Card{})
		c := &b.Cards[len(b.Cards)-1]
		total := any(&b.CompletedTotal)
		if rows.RawValues()[11] == nil {
			total = nil
		}
		return rows.Scan(&c.ID, &c.ResidenceID, &c.Title, &c.Category, &c.Priority, &c.DueDate, &c.Frequency,
			&c.StartedAt, &c.CompletedAt, &c.LastCompletedAt, &c.Version, total)
	})
	if err != nil {
		return BoardRows{}, err
	}
	return b, nil
}
