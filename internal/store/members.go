package store

import (
	"context"
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

var shareCodeCreate = Query{
	Name: "share_code_create",
	SQL: `/* share_code_create */ WITH ` + seenResidenceCTE + `, c AS (
	INSERT INTO share_codes (code, residence_id, created_by, expires_at)
	SELECT $4::text, seen.id, $1, $5::timestamptz FROM seen WHERE seen.role = ANY ($3::text[])
	RETURNING code, expires_at
)
SELECT c.code, c.expires_at FROM seen LEFT JOIN c ON true`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, rolesFor(household.ActionShare), "SAMPLE00", s.At}
	},
}

// CreateShareCode adds a code that the caller made up; ErrForbidden below
// admin. A code that exists already is a FieldError{ErrConflict, "code"}.
func (db *DB) CreateShareCode(ctx context.Context, userID, residenceID int64, c household.ShareCode) (household.ShareCode, error) {
	return permitted(ctx, db, shareCodeCreate,
		[]any{userID, residenceID, rolesFor(household.ActionShare), c.Code, c.ExpiresAt},
		func(c *household.ShareCode) []any { return []any{&c.Code, &c.ExpiresAt} })
}

var residenceJoin = Query{
	Name: "residence_join",
	SQL: `/* residence_join */ WITH opened AS (
	SELECT c.residence_id
	FROM share_codes c JOIN residences r ON r.id = c.residence_id AND r.active
	WHERE c.code = $2::text AND c.expires_at > $4::timestamptz AND c.revoked_at IS NULL
), joined AS (
	INSERT INTO residence_users (residence_id, user_id, role)
	SELECT r.id, $1::bigint, 'member' FROM opened o JOIN residences r ON r.id = o.residence_id
	WHERE r.owner_id <> $1
	ON CONFLICT DO NOTHING
	RETURNING residence_id, user_id
), ` + notedCTE + `'member', j.user_id, false, ARRAY[j.user_id], ARRAY[j.residence_id] FROM joined j
), used AS (
	UPDATE share_codes SET uses = uses + 1 WHERE code = $2::text AND EXISTS (SELECT FROM joined)
)
SELECT EXISTS (SELECT FROM joined), r.id, r.name, r.street, r.city, r.postal_code, r.country, r.time_zone, r.owner_id,
	CASE WHEN r.owner_id = $1 THEN 'owner' ELSE COALESCE(m.role, 'member') END, r.created_at, r.updated_at
FROM opened o
JOIN residences r ON r.id = o.residence_id
LEFT JOIN residence_users m ON m.residence_id = r.id AND m.user_id = $1`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, "SAMPLE00", sampleWriteID, s.At} },
}

// JoinWithCode makes the user a member of the code's residence and returns it.
// joined is false when he was in it already; then nothing has changed. A code
// that is unknown or no longer valid at now is ErrNotFound.
func (db *DB) JoinWithCode(ctx context.Context, w Write, userID int64, code string, now time.Time) (_ household.Residence, joined bool, _ error) {
	type entry struct {
		joined bool
		household.Residence
	}
	e, err := one(ctx, db, residenceJoin, []any{userID, code, w.ID, now}, func(e *entry) []any {
		return append([]any{&e.joined}, intoResidence(&e.Residence)...)
	})
	return e.Residence, e.joined, err
}

var memberList = Query{
	Name: "member_list",
	SQL: `/* member_list */ WITH ` + seenResidenceCTE + `
SELECT u.id, u.name, u.email, 'owner' AS role, r.created_at AS joined_at
FROM seen JOIN residences r ON r.id = seen.id JOIN users u ON u.id = r.owner_id
UNION ALL
(SELECT u.id, u.name, u.email, m.role, m.joined_at
FROM seen JOIN residence_users m ON m.residence_id = seen.id JOIN users u ON u.id = m.user_id
ORDER BY u.id)`,
	Sample: func(s Subject) []any { return []any{s.UserID, s.ResidenceID} },
}

// Members lists the people of a residence, the owner first.
func (db *DB) Members(ctx context.Context, userID, residenceID int64) ([]household.Member, error) {
	members, err := all(ctx, db, memberList, []any{userID, residenceID}, intoMember)
	if err == nil && len(members) == 0 {
		return nil, fmt.Errorf("store: %s: %w", memberList.Name, ErrNotFound)
	}
	return members, err
}

func intoMember(m *household.Member) []any {
	return []any{&m.UserID, &m.Name, &m.Email, &m.Role, &m.JoinedAt}
}

// aimed is what a statement says of the person that it was aimed at.
type aimed struct {
	allowed, owner, member, done bool
}

func (a *aimed) into() []any { return []any{&a.allowed, &a.owner, &a.member, &a.done} }

// verdict is nil when it was done. The role is judged before the target, so
// that who may not manage members does not learn who is one.
func (a aimed) verdict(q Query) error {
	switch {
	case a.done:
		return nil
	case !a.allowed, a.owner:
		return fmt.Errorf("store: %s: %w", q.Name, ErrForbidden)
	default:
		return fmt.Errorf("store: %s: %w", q.Name, ErrNotFound)
	}
}

var memberSetRole = Query{
	Name: "member_set_role",
	SQL: `/* member_set_role */ WITH ` + seenResidenceCTE + `, changed AS (
	UPDATE residence_users m SET role = $6::text
	FROM seen
	WHERE m.residence_id = seen.id AND m.user_id = $4::bigint AND seen.role = ANY ($5::text[])
	RETURNING m.residence_id, m.user_id, m.role, m.joined_at
), ` + notedCTE + `'member', c.user_id, false, ARRAY[c.user_id], ARRAY[c.residence_id] FROM changed c
)
SELECT seen.role = ANY ($5::text[]), seen.owner_id = $4::bigint,
	EXISTS (SELECT FROM residence_users WHERE residence_id = seen.id AND user_id = $4::bigint),
	c.user_id IS NOT NULL, COALESCE(u.id, 0), COALESCE(u.name, ''), COALESCE(u.email, ''), COALESCE(c.role, ''), COALESCE(c.joined_at, now())
FROM seen LEFT JOIN changed c ON true LEFT JOIN users u ON u.id = c.user_id`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, sampleWriteID, s.UserID, rolesFor(household.ActionManageMembers), string(household.RoleAdmin)}
	},
}

// SetRole changes a member's role. ErrForbidden below admin and for the
// owner, whose role is fixed; ErrNotFound for who is no member.
func (db *DB) SetRole(ctx context.Context, w Write, userID, residenceID, memberID int64, role household.Role) (household.Member, error) {
	type outcome struct {
		aimed
		household.Member
	}
	o, err := one(ctx, db, memberSetRole,
		[]any{userID, residenceID, w.ID, memberID, rolesFor(household.ActionManageMembers), string(role)},
		func(o *outcome) []any { return append(o.aimed.into(), intoMember(&o.Member)...) })
	if err != nil {
		return household.Member{}, err
	}
	return o.Member, o.verdict(memberSetRole)
}

var memberRemove = Query{
	Name: "member_remove",
	SQL: `/* member_remove */ WITH ` + seenResidenceCTE + `, gone AS (
	DELETE FROM residence_users m USING seen
	WHERE m.residence_id = seen.id AND m.user_id = $4::bigint
		AND ($4::bigint = $1 OR seen.role = ANY ($5::text[]))
	RETURNING m.residence_id, m.user_id
), ` + notedCTE + `'member', g.user_id, true, ARRAY[g.user_id], ARRAY[g.residence_id] FROM gone g
)
SELECT $4::bigint = $1 OR seen.role = ANY ($5::text[]), seen.owner_id = $4::bigint,
	EXISTS (SELECT FROM residence_users WHERE residence_id = seen.id AND user_id = $4::bigint),
	EXISTS (SELECT FROM gone)
FROM seen`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, sampleWriteID, s.UserID, rolesFor(household.ActionManageMembers)}
	},
}

// RemoveMember ends a membership: an admin's or owner's right, and everyone's
// for himself. The owner cannot be removed (ErrForbidden).
func (db *DB) RemoveMember(ctx context.Context, w Write, userID, residenceID, memberID int64) error {
	a, err := one(ctx, db, memberRemove,
		[]any{userID, residenceID, w.ID, memberID, rolesFor(household.ActionManageMembers)}, (*aimed).into)
	if err != nil {
		return err
	}
	return a.verdict(memberRemove)
}
