package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
)

// Delta is what a client has to do to what it holds, in this order: with Full
// drop all of it; drop the residences in Gone with everything in them; drop the
// tasks, contractors and documents of the residences in Replaced; drop what else
// is in Gone; then put in the rows, over those of the same id.
type Delta struct {
	// Cursor is the since of the next Sync. It is opaque to clients.
	Cursor string
	// Full means that everything that the user can see follows: the first time,
	// after too long, after too much, and after the database was restored.
	Full        bool
	Residences  []household.Residence
	Tasks       []household.Task // archived ones as well
	Contractors []household.Contractor
	Documents   []household.Document
	Gone        Gone
	// Replaced lists residences of which SQL from outside has changed something:
	// single deletions are not known, so all that is in them comes.
	Replaced []int64
}

// Gone are the ids of what the user can no longer see.
type Gone struct{ Residences, Tasks, Contractors, Documents []int64 }

// Bounds of a delta: beyond them everything is sent, which costs no more than a
// few index ranges. The first is the whole log's, everybody's rows counted,
// since there is no index by residence; the second is the user's own.
const (
	syncLogRows  = 10_000
	syncOwnLimit = 1000
)

var syncDelta = Query{
	Name: "sync_delta",
	// known holds also what is not in sight any more; mine is what of the log is
	// about the user or a residence of his; whole are the residences of which
	// everything comes, and items what else was touched. A row of the log about
	// the user himself (joined, removed, created, deleted, another role) sends
	// the residence whole if it is in sight, and says that it is gone otherwise.
	// SQL from outside on several residences does not say whose they were: if
	// one of them is out of sight, the user starts over. OFFSET 0 keeps the
	// planner, which can't know how few these are, from scanning whole tables;
	// and whole is a part of homes, which it knows to be few: at a higher estimate
	// Postgres would compile the plan, for two seconds.
	SQL: `/* sync_delta */ WITH me AS (SELECT $3::bigint AS id), ` + homesCTE + `, ` + newerCTE + `, known AS (
	SELECT r.id, r.active FROM me JOIN residences r ON r.owner_id = me.id
	UNION
	SELECT r.id, r.active FROM me JOIN residence_users m ON m.user_id = me.id JOIN residences r ON r.id = m.residence_id
), mine AS MATERIALIZED (
	SELECT n.what, n.item_id, n.residence_ids, n.user_ids @> ARRAY[$3::bigint] AS to_me
	FROM newer n
	WHERE n.what = 'everything' OR n.user_ids @> ARRAY[$3::bigint] OR n.residence_ids && ARRAY(SELECT id FROM known)
	LIMIT $4::int
), reported AS (
	SELECT m.what, m.item_id, m.to_me, r.id AS residence_id, h.id IS NOT NULL AS seen, k.id IS NOT NULL AS known
	FROM mine m CROSS JOIN LATERAL unnest(m.residence_ids) AS r (id)
	LEFT JOIN homes h ON h.id = r.id
	LEFT JOIN known k ON k.id = r.id
), mode AS MATERIALIZED (
	SELECT NOT s.usable
		OR (SELECT count(*) FROM newer) >= $2::int
		OR (SELECT count(*) FROM mine) >= $4::int
		OR EXISTS (SELECT FROM mine WHERE what = 'everything')
		OR EXISTS (SELECT FROM reported WHERE what = 'outside' AND to_me AND NOT seen) AS is_full
	FROM since s
), replaced AS (
	SELECT h.id FROM homes h, mode
	WHERE NOT mode.is_full AND h.id IN (SELECT residence_id FROM reported WHERE what = 'outside')
), whole AS (
	SELECT h.id FROM homes h, mode
	WHERE mode.is_full OR h.id IN (SELECT residence_id FROM reported WHERE to_me) OR h.id IN (SELECT id FROM replaced)
), items AS (
	SELECT DISTINCT t.what, t.item_id FROM reported t, mode WHERE NOT mode.is_full AND t.seen AND t.what IN ('residence', 'task', 'contractor', 'document')
)
SELECT 'cursor' AS kind, CASE WHEN mode.is_full THEN 1 ELSE 0 END::bigint AS id, to_jsonb(clock.now::text) AS item FROM clock, mode
UNION ALL
SELECT 'replaced', r.id, NULL FROM replaced r
UNION ALL
SELECT DISTINCT 'residence', t.residence_id, NULL::jsonb FROM reported t, mode
WHERE NOT mode.is_full AND NOT t.seen AND (t.to_me OR t.what = 'outside' AND t.known)
UNION ALL
SELECT 'residence', r.id, (SELECT to_jsonb(x) FROM (SELECT ` + residenceColumns + `) x)
FROM homes h JOIN residences r ON r.id = h.id
CROSS JOIN LATERAL (
	SELECT CASE WHEN r.owner_id = $3::bigint THEN 'owner' ELSE (
		SELECT m.role FROM residence_users m WHERE m.residence_id = r.id AND m.user_id = $3::bigint
	) END AS role
) AS as_role
WHERE h.id IN (SELECT id FROM whole UNION SELECT item_id FROM items WHERE what = 'residence')
UNION ALL
SELECT 'task', x.id, to_jsonb(x)
FROM whole w CROSS JOIN LATERAL (SELECT ` + taskColumns + ` FROM tasks t WHERE t.residence_id = w.id OFFSET 0) x
UNION ALL
SELECT 'task', i.item_id, CASE WHEN x.id IS NOT NULL THEN to_jsonb(x) END
FROM items i LEFT JOIN LATERAL (
	SELECT ` + taskColumns + ` FROM tasks t WHERE t.id = i.item_id AND t.residence_id IN (SELECT id FROM homes) OFFSET 0
) x ON true
WHERE i.what = 'task' AND (x.id IS NULL OR x.residence_id NOT IN (SELECT id FROM whole))
UNION ALL
SELECT 'contractor', x.id, to_jsonb(x)
FROM whole w CROSS JOIN LATERAL (SELECT ` + contractorColumns + ` FROM contractors c WHERE c.residence_id = w.id OFFSET 0) x
UNION ALL
SELECT 'contractor', i.item_id, CASE WHEN x.id IS NOT NULL THEN to_jsonb(x) END
FROM items i LEFT JOIN LATERAL (
	SELECT ` + contractorColumns + ` FROM contractors c WHERE c.id = i.item_id AND c.residence_id IN (SELECT id FROM homes) OFFSET 0
) x ON true
WHERE i.what = 'contractor' AND (x.id IS NULL OR x.residence_id NOT IN (SELECT id FROM whole))
UNION ALL
SELECT 'document', x.id, to_jsonb(x)
FROM whole w CROSS JOIN LATERAL (SELECT ` + documentColumns + ` FROM documents d WHERE d.residence_id = w.id OFFSET 0) x
UNION ALL
SELECT 'document', i.item_id, CASE WHEN x.id IS NOT NULL THEN to_jsonb(x) END
FROM items i LEFT JOIN LATERAL (
	SELECT ` + documentColumns + ` FROM documents d WHERE d.id = i.item_id AND d.residence_id IN (SELECT id FROM homes) OFFSET 0
) x ON true
WHERE i.what = 'document' AND (x.id IS NULL OR x.residence_id NOT IN (SELECT id FROM whole))`,
	Sample: func(s Subject) []any { return []any{nil, syncLogRows + 1, s.UserID, syncOwnLimit + 1} },
}

// Sync tells what has changed, of what the user can see, since the cursor of an
// earlier Delta; "" is the first time. All of it is one snapshot's, and a write
// that commits late comes with the next one. A cursor that is none is a
// FieldError{ErrInvalid, "since"}; one that can't be continued makes it Full.
func (db *DB) Sync(ctx context.Context, userID int64, since string) (Delta, error) {
	snapshot, err := decodeCursor(since)
	if err != nil {
		return Delta{}, err
	}
	var d Delta
	args := []any{snapshot, syncLogRows + 1, userID, syncOwnLimit + 1}
	err = db.each(ctx, syncDelta, args, func() { d = emptyDelta() }, func(rows pgx.Rows) error {
		var kind string
		var id int64
		var item []byte
		if err := rows.Scan(&kind, &id, &item); err != nil {
			return err
		}
		return d.add(kind, id, item)
	})
	if err != nil {
		return Delta{}, err
	}
	d.sort()
	return d, nil
}

func decodeCursor(since string) (snapshot any, _ error) {
	if since == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(since)
	if err != nil || !validSnapshot(string(text)) {
		return nil, &FieldError{ErrInvalid, "since"}
	}
	return string(text), nil
}

func emptyDelta() Delta {
	return Delta{
		Residences: []household.Residence{}, Tasks: []household.Task{},
		Contractors: []household.Contractor{}, Documents: []household.Document{},
		Gone:     Gone{Residences: []int64{}, Tasks: []int64{}, Contractors: []int64{}, Documents: []int64{}},
		Replaced: []int64{},
	}
}

// add takes one row: an item, or without one the id of what is gone.
func (d *Delta) add(kind string, id int64, item []byte) error {
	switch kind {
	case "cursor":
		var snapshot string
		d.Full = id == 1
		if err := json.Unmarshal(item, &snapshot); err != nil {
			return err
		}
		d.Cursor = base64.RawURLEncoding.EncodeToString([]byte(snapshot))
		return nil
	case "replaced":
		d.Replaced = append(d.Replaced, id)
		return nil
	case "residence":
		return put(&d.Residences, &d.Gone.Residences, id, item)
	case "task":
		return put(&d.Tasks, &d.Gone.Tasks, id, item)
	case "contractor":
		return put(&d.Contractors, &d.Gone.Contractors, id, item)
	case "document":
		return put(&d.Documents, &d.Gone.Documents, id, item)
	default:
		return errors.New("a row of an unknown kind: " + kind)
	}
}

// put decodes an item by its JSON names, which are those of the columns.
func put[T any](there *[]T, gone *[]int64, id int64, item []byte) error {
	if item == nil {
		*gone = append(*gone, id)
		return nil
	}
	var v T
	if err := json.Unmarshal(item, &v); err != nil {
		return err
	}
	*there = append(*there, v)
	return nil
}

// sort puts everything in the order of ids.
func (d *Delta) sort() {
	slices.SortFunc(d.Residences, func(a, b household.Residence) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(d.Tasks, func(a, b household.Task) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(d.Contractors, func(a, b household.Contractor) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(d.Documents, func(a, b household.Document) int { return cmp.Compare(a.ID, b.ID) })
	for _, ids := range [][]int64{d.Gone.Residences, d.Gone.Tasks, d.Gone.Contractors, d.Gone.Documents, d.Replaced} {
		slices.Sort(ids)
	}
}
