package store

import (
	"context"
	"fmt"

	"github.com/honeydue/honeydue/internal/household"
)

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
	// The codes come first: see endedCodesCTE.
	SQL: `/* member_set_role */ WITH ` + seenResidenceCTE + `, target AS (
	SELECT m.residence_id, m.user_id
	FROM seen JOIN residence_users m ON m.residence_id = seen.id
	WHERE m.user_id = $4::bigint AND seen.role = ANY ($5::text[])
), locked AS (
	SELECT c.id
	FROM target JOIN share_codes c ON c.residence_id = target.residence_id
	WHERE c.created_by = target.user_id AND c.revoked_at IS NULL AND NOT $6::text = ANY ($7::text[])
	ORDER BY c.id FOR UPDATE OF c
), ended AS (
	UPDATE share_codes c SET revoked_at = now() FROM locked WHERE c.id = locked.id RETURNING c.id
), changed AS (
	UPDATE residence_users m SET role = $6::text
	FROM target, (SELECT count(*) FROM ended) AS first
	WHERE m.residence_id = target.residence_id AND m.user_id = target.user_id
	RETURNING m.residence_id, m.user_id, m.role, m.joined_at
), ` + notedCTE + `'member', c.user_id, false, ARRAY[c.user_id], ARRAY[c.residence_id] FROM changed c
)
SELECT seen.role = ANY ($5::text[]), seen.owner_id = $4::bigint,
	EXISTS (SELECT FROM residence_users WHERE residence_id = seen.id AND user_id = $4::bigint),
	c.user_id IS NOT NULL, COALESCE(u.id, 0), COALESCE(u.name, ''), COALESCE(u.email, ''), COALESCE(c.role, ''), COALESCE(c.joined_at, now())
FROM seen LEFT JOIN changed c ON true LEFT JOIN users u ON u.id = c.user_id`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, sampleWriteID, s.UserID, rolesFor(household.ActionManageMembers), string(household.RoleAdmin), rolesFor(household.ActionShare)}
	},
}

// SetRole changes a member's role. Where the new role may not share, the codes
// that the member made end. ErrForbidden below admin and for the owner, whose
// role is fixed; ErrNotFound for a person who is not a member.
func (db *DB) SetRole(ctx context.Context, w Write, userID, residenceID, memberID int64, role household.Role) (household.Member, error) {
	type outcome struct {
		aimed
		household.Member
	}
	o, err := one(ctx, db, memberSetRole,
		[]any{userID, residenceID, w.ID, memberID, rolesFor(household.ActionManageMembers), string(role), rolesFor(household.ActionShare)},
		func(o *outcome) []any { return append(o.aimed.into(), intoMember(&o.Member)...) })
	if err != nil {
		return household.Member{}, err
	}
	return o.Member, o.verdict(memberSetRole)
}

var memberRemove = Query{
	Name: "member_remove",
	SQL: `/* member_remove */ WITH ` + seenResidenceCTE + `, target AS (
	SELECT m.residence_id, m.user_id, $4::bigint <> $1 AS by_another
	FROM seen JOIN residence_users m ON m.residence_id = seen.id
	WHERE m.user_id = $4::bigint AND ($4::bigint = $1 OR seen.role = ANY ($5::text[]))
), ` + endedCodesCTE + `, gone AS (
	DELETE FROM residence_users m USING target, (SELECT count(*) FROM ended) AS first
	WHERE m.residence_id = target.residence_id AND m.user_id = target.user_id
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
// own. The codes that the person made end, and no code that exists now admits
// the person again; a code that the person used ends as well, unless the person
// left. The owner cannot be removed (ErrForbidden).
func (db *DB) RemoveMember(ctx context.Context, w Write, userID, residenceID, memberID int64) error {
	a, err := one(ctx, db, memberRemove,
		[]any{userID, residenceID, w.ID, memberID, rolesFor(household.ActionManageMembers)}, (*aimed).into)
	if err != nil {
		return err
	}
	return a.verdict(memberRemove)
}
