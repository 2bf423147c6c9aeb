package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
)

// BoardRows is what household.BuildBoard needs from the database.
type BoardRows struct {
	Homes []household.Home
	// Cards are at most the first household.OpenShown of each open column and
	// the newest household.CompletedShown of the completed ones.
	Cards []household.Card
	// Counts is how many tasks a column has, those without a card included; an
	// open column of which every task has a card may be missing.
	Counts map[household.ColumnName]int
	// OldestCompleted is the first to have been completed of the tasks that the
	// completed column counts; nil when it is empty.
	OldestCompleted *time.Time
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

// packedCardColumns is the bytes of one card, in the order in which unpackCard reads
// them: flags, due date in days since 2000 (the least int32 for none), place of the
// residence among the homes, names, id, version, title, and the instants that
// there are, as Postgres sends them. t is the task. A row for each card would take 35
// bytes more: a third of the board, and what does not fit into ten TCP segments,
// the first window of an idle connection, costs a round trip more.
const packedCardColumns = `set_byte('\x00'::bytea, 0,
		(t.id > 2147483647)::int + 2 * (t.version > 32767)::int + 4 * (t.started_at IS NOT NULL)::int
		+ 8 * (t.completed_at IS NOT NULL)::int + 16 * (t.last_completed_at IS NOT NULL)::int)
	|| int4send(coalesce(CASE WHEN isfinite(t.due_date) THEN t.due_date - date '2000-01-01' END, -2147483648))
	|| int2send(t.home) || int2send(t.names)
	|| CASE WHEN t.id > 2147483647 THEN int8send(t.id) ELSE int4send(t.id::int) END
	|| CASE WHEN t.version > 32767 THEN int8send(t.version) ELSE int2send(t.version::int2) END
	|| int2send(octet_length(convert_to(t.title, 'UTF8'))::int2) || convert_to(t.title, 'UTF8')
	|| coalesce(timestamptz_send(t.started_at), '') || coalesce(timestamptz_send(t.completed_at), '')
	|| coalesce(timestamptz_send(t.last_completed_at), '')`

var taskBoard = Query{
	Name: "task_board",
	// The homes come as rows of their own, so that their ids and time zones
	// travel once and not with every card, and so do the counts. All cards come in
	// one row. Open and
	// completed tasks are two branches, each of them a range of tasks_board_idx:
	// an OR would read all that was ever completed. Only where there are so many
	// open tasks that a column may be full are they ranked and counted here; the
	// column is that of household.Card.Column, by the residence's local date, and
	// a test holds the two equal.
	SQL: `/* task_board */ WITH ` + bearerCTE + `, ` + homesCTE + `, home AS MATERIALIZED (
	SELECT h.id, h.time_zone, ($2::timestamptz AT TIME ZONE h.time_zone)::date AS today,
		(row_number() OVER (ORDER BY h.id))::int2 AS home
	FROM homes h
), open AS MATERIALIZED (
	SELECT t.id, h.home, h.today, t.title, ` + namesOfTask() + ` AS names, t.due_date, t.started_at, NULL::timestamptz AS completed_at, t.last_completed_at, t.version
	FROM home h JOIN tasks t ON t.residence_id = h.id
	WHERE NOT t.archived AND t.completed_at IS NULL
), ranked AS MATERIALIZED (
	SELECT c.*, row_number() OVER (PARTITION BY c.col ORDER BY c.due_date, c.id) AS place, count(*) OVER (PARTITION BY c.col) AS total
	FROM (
		SELECT o.*, CASE
			WHEN o.started_at IS NOT NULL THEN ` + columnNumber(household.ColumnInProgress) + `
			WHEN o.due_date < o.today THEN ` + columnNumber(household.ColumnOverdue) + `
			WHEN o.due_date <= o.today + $3::int THEN ` + columnNumber(household.ColumnDueSoon) + `
			ELSE ` + columnNumber(household.ColumnUpcoming) + ` END AS col
		FROM open o
		WHERE (SELECT count(*) FROM open) > $5::int
	) c
), done AS MATERIALIZED (
	SELECT t.id, h.home, t.title, ` + namesOfTask() + ` AS names, t.due_date, t.started_at, t.completed_at, t.last_completed_at, t.version,
		count(*) OVER () AS total, min(t.completed_at) OVER () AS oldest
	FROM home h JOIN tasks t ON t.residence_id = h.id
	WHERE NOT t.archived AND t.completed_at >= $4::timestamptz
	ORDER BY t.completed_at DESC, t.id DESC LIMIT $6::int
)
SELECT h.id, h.home::bigint, h.time_zone, NULL::timestamptz, NULL::bytea FROM home h
UNION ALL
SELECT r.total, r.col::bigint, NULL, NULL, NULL FROM ranked r WHERE r.place = 1
UNION ALL
(SELECT d.total, ` + columnNumber(household.ColumnCompleted) + `::bigint, NULL, d.oldest, NULL FROM done d LIMIT 1)
UNION ALL
SELECT NULL, NULL, NULL, NULL, string_agg(` + packedCardColumns + `, '')
FROM (
	SELECT id, home, title, names, due_date, started_at, completed_at, last_completed_at, version FROM open
	WHERE (SELECT count(*) FROM open) <= $5::int
	UNION ALL
	SELECT id, home, title, names, due_date, started_at, completed_at, last_completed_at, version FROM ranked
	WHERE place <= $5::int
	UNION ALL
	SELECT id, home, title, names, due_date, started_at, completed_at, last_completed_at, version FROM done
) t`,
	Hot:    true,
	Sample: func(s Subject) []any { return boardArgs(s.TokenHash, s.At, household.DueSoonDays) },
}

func boardArgs(tokenHash []byte, at time.Time, dueSoonDays int) []any {
	return []any{tokenHash, at, dueSoonDays, at.Add(-household.CompletedFor), household.OpenShown, household.CompletedShown}
}

// columnNumber is a column's place on the board, as SQL.
func columnNumber(c household.ColumnName) string {
	return strconv.Itoa(slices.Index(household.ColumnNames(), c))
}

// namesOfTask packs the category, priority and frequency of the task t into one
// smallint, as SQL; 0 in a place is a name that this build does not know.
func namesOfTask() string {
	return fmt.Sprintf("(%s * %d + %s * %d + %s)::int2",
		placeOf("t.category", household.Categories()), (len(household.Priorities())+1)*(len(household.Frequencies())+1),
		placeOf("t.priority", household.Priorities()), len(household.Frequencies())+1,
		placeOf("t.frequency", household.Frequencies()))
}

// taskNames reads what namesOfTask has packed.
type taskNames struct {
	categories  []household.Category
	priorities  []household.Priority
	frequencies []household.Frequency
}

func (t taskNames) unpack(names int16, c *household.Card) {
	n, priorities, frequencies := int(names), len(t.priorities)+1, len(t.frequencies)+1
	c.Category = nameAt(t.categories, n/(priorities*frequencies), household.CategoryGeneral)
	c.Priority = nameAt(t.priorities, n/frequencies%priorities, household.PriorityMedium)
	c.Frequency = nameAt(t.frequencies, n%frequencies, household.FrequencyOnce)
}

func nameAt[S any](names []S, place int, unknown S) S {
	if place < 1 || place > len(names) {
		return unknown
	}
	return names[place-1]
}

// placeOf is the place of a column's value among the domain's names, from 1, as
// SQL; 0 is none of them. No name holds a quote. A CASE and not array_position,
// which walks through an array for each row.
func placeOf[S ~string](column string, names []S) string {
	var b strings.Builder
	b.WriteString("CASE " + column)
	for i, n := range names {
		fmt.Fprintf(&b, " WHEN '%s' THEN %d", n, i+1)
	}
	b.WriteString(" ELSE 0 END")
	return b.String()
}

// errCards means that the cards are not in the form of packedCardColumns.
var errCards = errors.New("the cards of the board are cut short")

// unpackCard reads one card from the front of packed, and the place of its home;
// rest is what follows it.
func (t taskNames) unpackCard(packed []byte) (c household.Card, home int64, rest []byte, err error) {
	r := cardBytes{left: packed}
	flags, due := r.number(1), int32(r.number(4)) //nolint:gosec // four bytes of a signed number
	home = r.number(2)
	t.unpack(int16(r.number(2)), &c) //nolint:gosec // two bytes of a signed number
	c.ID = r.number(sized(flags&1 != 0, 8, 4))
	c.Version = r.number(sized(flags&2 != 0, 8, 2))
	c.Title = string(r.next(int(r.number(2))))
	c.StartedAt, c.CompletedAt, c.LastCompletedAt = r.instant(flags&4), r.instant(flags&8), r.instant(flags&16)
	if due != math.MinInt32 {
		y, m, d := time.Date(2000, time.January, 1+int(due), 0, 0, 0, 0, time.UTC).Date()
		c.DueDate = &household.Date{Year: y, Month: m, Day: d}
	}
	if r.short {
		return household.Card{}, 0, nil, errCards
	}
	return c, home, r.left, nil
}

func sized(large bool, then, otherwise int) int {
	if large {
		return then
	}
	return otherwise
}

// cardBytes is what is left of packed cards. Reading beyond the end sets short.
type cardBytes struct {
	left  []byte
	short bool
}

func (r *cardBytes) next(n int) []byte {
	if n > len(r.left) {
		r.short, r.left = true, nil
		return nil
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}

// number reads n bytes, the highest first; of 8 bytes a signed number.
func (r *cardBytes) number(n int) int64 {
	var v uint64
	for _, b := range r.next(n) {
		v = v<<8 | uint64(b)
	}
	return int64(v) // two's complement, as the database packed it
}

// instant reads microseconds since 2000, if the flag says that there are some.
func (r *cardBytes) instant(flag int64) *time.Time {
	if flag == 0 {
		return nil
	}
	t := time.UnixMicro(946684800_000_000 + r.number(8)).UTC()
	return &t
}

// boardReader puts the rows of task_board together: one has the cards, a home
// has a title only (its time zone), and a count has neither.
type boardReader struct {
	rows   BoardRows
	places []int64         // of each card's home
	homes  map[int64]int64 // the homes' ids by place
	names  taskNames
}

func (b *boardReader) reset() {
	*b = boardReader{
		rows:  BoardRows{Counts: map[household.ColumnName]int{}},
		homes: map[int64]int64{},
		names: taskNames{household.Categories(), household.Priorities(), household.Frequencies()},
	}
}

func (b *boardReader) scan(rows pgx.Rows) error {
	raw := rows.RawValues()
	var place int64
	switch {
	case raw[0] == nil:
		var packed []byte
		if err := rows.Scan(nil, nil, nil, nil, &packed); err != nil {
			return err
		}
		for len(packed) > 0 {
			c, home, rest, err := b.names.unpackCard(packed)
			if err != nil {
				return err
			}
			b.rows.Cards, b.places, packed = append(b.rows.Cards, c), append(b.places, home), rest
		}
		return nil
	case raw[2] != nil:
		var h household.Home
		err := rows.Scan(&h.ID, &place, &h.TimeZone, nil, nil)
		b.rows.Homes = append(b.rows.Homes, h)
		b.homes[place] = h.ID
		return err
	default:
		var count int64
		var oldest *time.Time
		if err := rows.Scan(&count, &place, nil, &oldest, nil); err != nil {
			return err
		}
		columns := household.ColumnNames()
		if place < 0 || place >= int64(len(columns)) {
			return fmt.Errorf("the board has no column %d", place)
		}
		b.rows.Counts[columns[place]] = int(count)
		if oldest != nil {
			b.rows.OldestCompleted = oldest
		}
		return nil
	}
}

func (b *boardReader) done() BoardRows {
	for i, place := range b.places {
		b.rows.Cards[i].ResidenceID = b.homes[place]
	}
	return b.rows
}

// Board reads what the kanban board of the token's user is made of at the given
// instant, and tells who that is: one turn for both. No such token is ErrNotFound.
func (db *DB) Board(ctx context.Context, tokenHash []byte, at time.Time, dueSoonDays int) (household.User, BoardRows, error) {
	b := &boardReader{}
	u, err := db.forBearer(ctx, tokenHash, taskBoard, boardArgs(tokenHash, at, dueSoonDays), b.reset, b.scan)
	if err != nil {
		return household.User{}, BoardRows{}, err
	}
	return u, b.done(), nil
}
