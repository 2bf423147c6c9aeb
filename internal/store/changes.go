package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Change is one committed write, by the scopes of what it changed.
type Change struct {
	WriteID string
	// What was changed, as the column changes.what names it: task, residence,
	// contractor, document, user, token, member, or outside for SQL that is none
	// of ours. Gone: it was deleted.
	What              string
	Gone              bool
	Users, Residences []int64
	Everything        bool // whatever anybody sees may have changed
}

// Log is what the change log has since a cursor.
type Log struct {
	// Cursor stands for this answer's snapshot: what it did not show yet comes
	// with the next one.
	Cursor string
	// Lost means that the log cannot be continued from the cursor that was given
	// (none, a malformed one, rows since then are pruned, it comes from a later
	// life of a database that was restored, or more than changesAtOnce rows have
	// come): everything counts as changed, and Changes is empty.
	Lost    bool
	Changes []Change
}

// changesAtOnce is how many rows ChangesSince hands out at most.
const changesAtOnce = 2000

// newerCTE is the log since the cursor $1 (NULL for none), at most $2 rows of
// it. The cursor is a whole snapshot and not a number: a row is new if its
// transaction was not visible then, so that one that commits late is not
// skipped, and none is told twice while an old transaction keeps the horizon
// back. since.usable is false where the cursor cannot be continued. Rows of a
// later life (a restored database has rows of xids that are still to come) are
// not told, and neither are tombstones. LIMIT 1 tells the planner what it has no
// statistics of: that changes_pruned has one row.
const newerCTE = `clock AS (
	SELECT pg_current_snapshot() AS now
), since AS (
	SELECT $1::pg_snapshot AS cursor, COALESCE(
		pg_snapshot_xmax($1::pg_snapshot) <= pg_snapshot_xmax(clock.now)
		AND (pg_snapshot_xmin($1::pg_snapshot) > p.through OR p.through >= pg_snapshot_xmax(clock.now)), false) AS usable
	FROM clock LEFT JOIN (SELECT through FROM changes_pruned LIMIT 1) p ON true
), newer AS MATERIALIZED (
	SELECT c.*
	FROM changes c
	WHERE (SELECT usable FROM since) AND c.xid >= pg_snapshot_xmin($1::pg_snapshot)
		AND c.xid < (SELECT pg_snapshot_xmax(now) FROM clock)
		AND NOT pg_visible_in_snapshot(c.xid, $1::pg_snapshot) AND c.what <> 'tombstone'
	ORDER BY c.xid LIMIT $2::int
)`

var changesSince = Query{
	Name: "changes_since",
	// Who belongs to a residence is that user's affair: nobody else's list shows it.
	SQL: `/* changes_since */ WITH ` + newerCTE + `
SELECT clock.now::text, since.usable, n.write_id::text, n.user_ids, CASE WHEN n.what = 'member' THEN '{}' ELSE n.residence_ids END,
	n.what = 'everything', n.what, n.gone
FROM clock CROSS JOIN since LEFT JOIN newer n ON true`,
	Sample: func(Subject) []any { return []any{sampleCursor, changesAtOnce + 1} },
}

// sampleCursor is a snapshot that has seen nothing.
const sampleCursor = "3:3:"

// ChangesSince reads the change log since the cursor of an earlier answer; ""
// gives a first cursor. One statement gives the rows and the cursor, so that
// nothing falls between the two.
func (db *DB) ChangesSince(ctx context.Context, cursor string) (Log, error) {
	var l Log
	args := []any{snapshotArg(cursor), changesAtOnce + 1}
	err := db.each(ctx, changesSince, args, func() { l = Log{Changes: []Change{}} }, func(rows pgx.Rows) error {
		if rows.RawValues()[2] == nil {
			var usable bool
			err := rows.Scan(&l.Cursor, &usable, nil, nil, nil, nil, nil, nil)
			l.Lost = !usable
			return err
		}
		var c Change
		if err := rows.Scan(&l.Cursor, nil, &c.WriteID, &c.Users, &c.Residences, &c.Everything, &c.What, &c.Gone); err != nil {
			return err
		}
		l.Changes = append(l.Changes, c)
		return nil
	})
	if err != nil {
		return Log{}, err
	}
	if len(l.Changes) > changesAtOnce {
		l.Lost, l.Changes = true, []Change{}
	}
	return l, nil
}

// changesLookedAt is how far back ChangesOfUser looks, in rows of everybody's.
const changesLookedAt = 10_000

var changesOfUser = Query{
	Name: "changes_of_user",
	// There is no index by residence or user: the newest rows are looked through,
	// no more than $3 of them.
	SQL: `/* changes_of_user */ WITH ` + askingCTE + `, ` + homesCTE + `, newest AS MATERIALIZED (
	SELECT c.at, c.what, c.user_ids, c.residence_ids FROM changes c ORDER BY c.id DESC LIMIT $3::int
)
SELECT (extract(epoch FROM now() - n.at) * 1000)::bigint, n.what IN ('outside', 'everything')
FROM newest n
WHERE n.at >= now() - $2::bigint * interval '1 millisecond' AND n.what <> 'tombstone'
	AND (n.what = 'everything' OR n.user_ids @> ARRAY[$1::bigint] OR n.residence_ids && ARRAY(SELECT id FROM homes))
ORDER BY n.at`,
	Sample: func(s Subject) []any { return []any{s.UserID, 1000, changesLookedAt} },
}

// Told is one row of the change log, by how long ago its transaction began.
type Told struct {
	Ago     time.Duration
	Outside bool // by SQL that is none of ours
}

// ChangesOfUser tells what the change log has, of the time since, about the
// user himself and about the residences that he can see, the oldest first. It
// is for a question now and then: it looks through the newest rows of everybody.
func (db *DB) ChangesOfUser(ctx context.Context, userID int64, since time.Duration) ([]Told, error) {
	type row struct {
		ms      int64
		outside bool
	}
	rows, err := all(ctx, db, changesOfUser, []any{userID, since.Milliseconds(), changesLookedAt}, func(r *row) []any { return []any{&r.ms, &r.outside} })
	if err != nil {
		return nil, err
	}
	told := make([]Told, 0, len(rows))
	for _, r := range rows {
		told = append(told, Told{time.Duration(r.ms) * time.Millisecond, r.outside})
	}
	return told, nil
}

// snapshotArg is a cursor as an argument: NULL where it is none that Postgres
// would read.
func snapshotArg(cursor string) any {
	if !validSnapshot(cursor) {
		return nil
	}
	return cursor
}

// validSnapshot holds the text to the rules of Postgres' pg_snapshot
// (xmin:xmax:xip,xip), which answers anything else with an error.
func validSnapshot(s string) bool {
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return false
	}
	low, ok := parseXID(parts[0])
	high, also := parseXID(parts[1])
	if !ok || !also || low < 1 || low > high {
		return false
	}
	if parts[2] == "" {
		return true
	}
	last := low
	for part := range strings.SplitSeq(parts[2], ",") {
		x, ok := parseXID(part)
		if !ok || x < last || x >= high {
			return false
		}
		last = x
	}
	return true
}

func parseXID(s string) (uint64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false // ParseUint takes a sign
	}
	x, err := strconv.ParseUint(s, 10, 63)
	return x, err == nil
}

var writeSettle = Query{
	Name: "write_settle",
	// DO UPDATE and not DO NOTHING: the row that is in the way is told, even
	// where it was committed after this statement began to wait for it.
	SQL: `/* write_settle */ INSERT INTO changes AS c (write_id, what) VALUES ($1::uuid, 'tombstone')
ON CONFLICT (write_id) DO UPDATE SET what = c.what
RETURNING c.what <> 'tombstone'`,
	Write:  true,
	Sample: func(Subject) []any { return []any{sampleWriteID} },
}

// Settle finds out what became of a write whose maker has gone: true if it has
// committed, false if it can never commit any more, because a tombstone now
// stands under its id and the statement, if it ever comes, is ErrFenced. While
// the statement runs, Settle waits for its end. It may be asked again.
//
// A write has to be settled before its row may be pruned.
func (db *DB) Settle(ctx context.Context, writeID string) (committed bool, err error) {
	return one(ctx, db, writeSettle, []any{writeID}, func(b *bool) []any { return []any{b} })
}

var writeOutcome = Query{
	Name:   "write_outcome",
	SQL:    `/* write_outcome */ SELECT write_id IS NOT NULL FROM changes WHERE write_id = $1::uuid`,
	Sample: func(Subject) []any { return []any{sampleWriteID} },
}

// Settled reports whether the log has a row of the write, its own or a
// tombstone, so that its outcome is final. It is for a database in which Settle
// cannot insert one. That there is no row proves nothing: the statement may still
// be on its way, to this server or to another.
func (db *DB) Settled(ctx context.Context, writeID string) (bool, error) {
	settled, err := one(ctx, db, writeOutcome, []any{writeID}, func(b *bool) []any { return []any{b} })
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return settled, err
}

var changesPrune = Query{
	Name: "changes_prune",
	// The oldest rows are those of the lowest ids, but for a few that were a
	// long time on their way: these go with a later call. So no index by time is
	// needed. What a restored database has left of xids that are still to come
	// does not count.
	SQL: `/* changes_prune */ WITH old AS (
	SELECT id FROM (SELECT id, at FROM changes ORDER BY id LIMIT $2::int) c WHERE c.at < $1::timestamptz
), gone AS (
	DELETE FROM changes c USING old WHERE c.id = old.id RETURNING c.xid
), through AS (
	SELECT max(xid) AS xid FROM gone WHERE xid < pg_snapshot_xmax(pg_current_snapshot())
), marked AS (
	UPDATE changes_pruned p SET through = CASE
		WHEN p.through < pg_snapshot_xmax(pg_current_snapshot()) THEN greatest(p.through, t.xid)
		ELSE t.xid END
	FROM through t WHERE t.xid IS NOT NULL
)
SELECT count(*) FROM gone`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.At, prunedAtOnce} },
}

// prunedAtOnce is how many rows one statement of PruneChanges looks at.
const prunedAtOnce = 10_000

// PruneChanges removes the rows of before the given instant, some thousand in
// each turn, and says how many they were. A cursor of that time is lost from
// then on, and so is the fence around writes of that time: keep rows for longer
// than any write can take, and any phone stays away that should not start over.
func (db *DB) PruneChanges(ctx context.Context, before time.Time) (int64, error) {
	var all int64
	for {
		n, err := one(ctx, db, changesPrune, []any{before, prunedAtOnce}, intoID)
		if err != nil {
			return all, fmt.Errorf("after %d rows: %w", all, err)
		}
		// A few young rows may stand among the oldest ids, see changesPrune.
		if all += n; n < prunedAtOnce/2 {
			return all, nil
		}
	}
}
