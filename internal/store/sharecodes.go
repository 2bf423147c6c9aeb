package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
)

const (
	// liveCodesCTE is the codes of seen that still admit somebody at $4, for a
	// user whose role is one of $3; the same roles let a person make a code.
	liveCodesCTE = `live AS (
	SELECT c.id, c.created_by, c.created_at, c.expires_at, c.uses, c.max_uses
	FROM seen JOIN share_codes c ON c.residence_id = seen.id
	WHERE seen.role = ANY ($3::text[]) AND c.revoked_at IS NULL AND c.expires_at > $4::timestamptz
		AND (c.max_uses IS NULL OR c.uses < c.max_uses)
		AND (c.created_by = seen.owner_id OR EXISTS (
			SELECT FROM residence_users m WHERE m.residence_id = seen.id AND m.user_id = c.created_by AND m.role = ANY ($3::text[])
		))
)`

	// endedCodesCTE ends and bars what target leaves behind. A statement that
	// changes a membership touches the codes first, in the order of their ids, as
	// residence_join locks its code before it adds a membership: so the two wait
	// for each other in one order only, and whichever comes second sees what the
	// first has done to the code.
	endedCodesCTE = `locked AS (
	SELECT c.id, target.user_id, target.by_another
	FROM target JOIN share_codes c ON c.residence_id = target.residence_id
	WHERE c.revoked_at IS NULL
	ORDER BY c.id FOR UPDATE OF c
), ended AS (
	UPDATE share_codes c SET
		barred = array_append(array_remove(c.barred, locked.user_id), locked.user_id),
		revoked_at = CASE WHEN c.created_by = locked.user_id OR locked.by_another AND locked.user_id = ANY (c.used_by) THEN now() END
	FROM locked WHERE c.id = locked.id
	RETURNING c.id
)`

	// codeColumns are read by intoCode; c is the code and u its maker.
	codeColumns = `c.id, c.created_by, u.name, c.created_at, c.expires_at, c.uses, c.max_uses`
)

func intoCode(c *household.ShareCode) []any {
	return []any{&c.ID, &c.CreatedBy.UserID, &c.CreatedBy.Name, &c.CreatedAt, &c.ExpiresAt, &c.Uses, &c.MaxUses}
}

var shareCodeCreate = Query{
	Name: "share_code_create",
	SQL: `/* share_code_create */ WITH ` + seenResidenceCTE + `, c AS (
	INSERT INTO share_codes (code, residence_id, created_by, expires_at, max_uses)
	SELECT $4::text, seen.id, $1, $5::timestamptz, $6::int FROM seen WHERE seen.role = ANY ($3::text[])
	RETURNING id, code, created_by, created_at, expires_at, uses, max_uses
)
SELECT c.code, ` + codeColumns + ` FROM seen LEFT JOIN c ON true LEFT JOIN users u ON u.id = c.created_by`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, rolesFor(household.ActionShare), "SAMPLE00", s.At, nil}
	},
}

// CreateShareCode adds a code whose text the caller made up. maxUses is how many
// people it admits, nil for any number. ErrForbidden below admin. A text that
// exists already is a FieldError{ErrConflict, "code"}.
func (db *DB) CreateShareCode(ctx context.Context, userID, residenceID int64, code string, expiresAt time.Time, maxUses *int) (household.IssuedShareCode, error) {
	return permitted(ctx, db, shareCodeCreate,
		[]any{userID, residenceID, rolesFor(household.ActionShare), code, expiresAt, maxUses},
		func(c *household.IssuedShareCode) []any { return append([]any{&c.Code}, intoCode(&c.ShareCode)...) })
}

var shareCodeList = Query{
	Name: "share_code_list",
	// A row without a code says that the user may look and there is none.
	SQL: `/* share_code_list */ WITH ` + seenResidenceCTE + `, ` + liveCodesCTE + `, page AS (
	SELECT ` + codeColumns + ` FROM live c JOIN users u ON u.id = c.created_by
	WHERE c.id > $5::bigint ORDER BY c.id LIMIT $6::int
)
SELECT seen.role = ANY ($3::text[]), page.* FROM seen LEFT JOIN page ON true ORDER BY page.id`,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, rolesFor(household.ActionShare), s.At, 0, DefaultPage + 1}
	},
}

// ShareCodes lists the codes of a residence that still admit somebody at now, in
// the order of their ids; not their texts. ErrForbidden below admin.
func (db *DB) ShareCodes(ctx context.Context, userID, residenceID int64, now time.Time, p Page) (List[household.ShareCode], error) {
	var l List[household.ShareCode]
	var found, allowed bool
	limit := p.limit()
	reset := func() { l, found, allowed = List[household.ShareCode]{Items: []household.ShareCode{}}, false, false }
	args := []any{userID, residenceID, rolesFor(household.ActionShare), now, p.After, limit + 1}
	err := db.each(ctx, shareCodeList, args, reset, func(rows pgx.Rows) error {
		found = true
		if rows.RawValues()[1] == nil { // no code
			return rows.Scan(append([]any{&allowed}, make([]any, 7)...)...)
		}
		var c household.ShareCode
		err := rows.Scan(append([]any{&allowed}, intoCode(&c)...)...)
		l.Items = append(l.Items, c)
		return err
	})
	switch {
	case err != nil:
		return List[household.ShareCode]{}, err
	case !found:
		return List[household.ShareCode]{}, fmt.Errorf("store: %s: %w", shareCodeList.Name, ErrNotFound)
	case !allowed:
		return List[household.ShareCode]{}, fmt.Errorf("store: %s: %w", shareCodeList.Name, ErrForbidden)
	}
	if len(l.Items) > limit {
		l.Items = l.Items[:limit]
		l.Next = l.Items[limit-1].ID
	}
	return l, nil
}

var shareCodeRevoke = Query{
	Name: "share_code_revoke",
	SQL: `/* share_code_revoke */ WITH ` + seenResidenceCTE + `, ` + liveCodesCTE + `, gone AS (
	UPDATE share_codes c SET revoked_at = now()
	FROM live WHERE c.id = live.id AND c.id = $5::bigint AND c.revoked_at IS NULL
	RETURNING c.id
)
SELECT seen.role = ANY ($3::text[]), EXISTS (SELECT FROM gone) FROM seen`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, rolesFor(household.ActionShare), s.At, 0}
	},
}

// RevokeShareCode ends a code that still admits somebody at now. ErrForbidden
// below admin; ErrNotFound for a code that has ended, or is another residence's.
func (db *DB) RevokeShareCode(ctx context.Context, userID, residenceID, codeID int64, now time.Time) error {
	type outcome struct{ allowed, done bool }
	o, err := one(ctx, db, shareCodeRevoke, []any{userID, residenceID, rolesFor(household.ActionShare), now, codeID},
		func(o *outcome) []any { return []any{&o.allowed, &o.done} })
	switch {
	case err != nil:
		return err
	case !o.allowed:
		return fmt.Errorf("store: %s: %w", shareCodeRevoke.Name, ErrForbidden)
	case !o.done:
		return fmt.Errorf("store: %s: %w", shareCodeRevoke.Name, ErrNotFound)
	}
	return nil
}

var residenceJoin = Query{
	Name: "residence_join",
	// The code's row is locked first. A statement that waits for it judges its
	// newest version: its uses are counted exactly, and a removal that was
	// committed meanwhile is seen. That its maker may still share is asked of the
	// membership itself, whatever became of the code.
	SQL: `/* residence_join */ WITH opened AS (
	SELECT c.id, c.residence_id
	FROM share_codes c JOIN residences r ON r.id = c.residence_id AND r.active
	WHERE c.code = $2::text AND c.expires_at > $4::timestamptz AND c.revoked_at IS NULL
		AND NOT $1::bigint = ANY (c.barred)
		AND (c.max_uses IS NULL OR c.uses < c.max_uses OR $1 = ANY (c.used_by))
		AND (c.created_by = r.owner_id OR EXISTS (
			SELECT FROM residence_users m WHERE m.residence_id = r.id AND m.user_id = c.created_by AND m.role = ANY ($5::text[])
		))
	FOR UPDATE OF c
), joined AS (
	INSERT INTO residence_users (residence_id, user_id, role)
	SELECT r.id, $1, 'member' FROM opened o JOIN residences r ON r.id = o.residence_id
	WHERE r.owner_id <> $1
	ON CONFLICT DO NOTHING
	RETURNING residence_id, user_id
), ` + notedCTE + `'member', j.user_id, false, ARRAY[j.user_id], ARRAY[j.residence_id] FROM joined j
), used AS (
	UPDATE share_codes c SET uses = c.uses + 1, used_by = array_append(c.used_by, $1)
	FROM opened o
	WHERE c.id = o.id AND EXISTS (SELECT FROM joined) AND NOT $1 = ANY (c.used_by)
)
SELECT EXISTS (SELECT FROM joined), r.id, r.name, r.street, r.city, r.postal_code, r.country, r.time_zone, r.owner_id,
	CASE WHEN r.owner_id = $1 THEN 'owner' ELSE COALESCE(m.role, 'member') END, r.created_at, r.updated_at
FROM opened o
JOIN residences r ON r.id = o.residence_id
LEFT JOIN residence_users m ON m.residence_id = r.id AND m.user_id = $1`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, "SAMPLE00", sampleWriteID, s.At, rolesFor(household.ActionShare)}
	},
}

// JoinWithCode makes the user a member of the code's residence and returns it.
// joined is false when the user was in it already; then nothing has changed. A
// code is ErrNotFound if it is unknown, has ended by now, was made by a person
// who may no longer share, has admitted as many people as it may, or existed
// when the user left or was removed.
func (db *DB) JoinWithCode(ctx context.Context, w Write, userID int64, code string, now time.Time) (_ household.Residence, joined bool, _ error) {
	type entry struct {
		joined bool
		household.Residence
	}
	e, err := one(ctx, db, residenceJoin, []any{userID, code, w.ID, now, rolesFor(household.ActionShare)}, func(e *entry) []any {
		return append([]any{&e.joined}, intoResidence(&e.Residence)...)
	})
	return e.Residence, e.joined, err
}
