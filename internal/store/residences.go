package store

import (
	"context"

	"github.com/honeydue/honeydue/internal/household"
)

// residenceColumns are read by intoResidence; r is the residence, and a column
// named role has to be in reach.
const residenceColumns = `r.id, r.name, r.street, r.city, r.postal_code, r.country, r.time_zone, r.owner_id, role, r.created_at, r.updated_at`

func intoResidence(r *household.Residence) []any {
	return []any{
		&r.ID, &r.Name, &r.Street, &r.City, &r.PostalCode, &r.Country, &r.TimeZone,
		&r.OwnerID, &r.Role, &r.CreatedAt, &r.UpdatedAt,
	}
}

var residenceList = Query{
	Name: "residence_list",
	SQL: `/* residence_list */ WITH ` + homesCTE + `, page AS (
	SELECT r.id, r.name, r.street, r.city, r.postal_code, r.country, r.time_zone, r.owner_id,
		CASE WHEN r.owner_id = $1 THEN 'owner' ELSE m.role END AS role, r.created_at, r.updated_at
	FROM homes h
	JOIN residences r ON r.id = h.id
	LEFT JOIN residence_users m ON m.residence_id = h.id AND m.user_id = $1
	WHERE h.id > $2::bigint ORDER BY h.id LIMIT $3::int
)
SELECT h.id, ` + residenceColumns + ` FROM homes h LEFT JOIN page r ON r.id = h.id ORDER BY h.id`,
	Hot:    true,
	Sample: func(s Subject) []any { return []any{s.UserID, 0, DefaultPage + 1} },
}

// Residences lists what the user can see.
func (db *DB) Residences(ctx context.Context, userID int64, p Page) (List[household.Residence], error) {
	return list(ctx, db, residenceList, userID, p, intoResidence, func(r household.Residence) int64 { return r.ID })
}

var residenceGet = Query{
	Name: "residence_get",
	SQL: `/* residence_get */ WITH ` + seenResidenceCTE + `
SELECT ` + residenceColumns + ` FROM seen JOIN residences r ON r.id = seen.id`,
	Sample: func(s Subject) []any { return []any{s.UserID, s.ResidenceID} },
}

// Residence is one that the user can see.
func (db *DB) Residence(ctx context.Context, userID, residenceID int64) (household.Residence, error) {
	return one(ctx, db, residenceGet, []any{userID, residenceID}, intoResidence)
}

var residenceCreate = Query{
	Name: "residence_create",
	// The zone is used once, so that a name that Postgres does not know is
	// refused here and not at each later "today".
	SQL: `/* residence_create */ WITH r AS (
	INSERT INTO residences (owner_id, name, street, city, postal_code, country, time_zone)
	SELECT $1::bigint, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text
	WHERE (now() AT TIME ZONE $7::text) IS NOT NULL
	RETURNING *
)
SELECT ` + residenceColumns + ` FROM r, (VALUES ('owner')) AS as_owner (role)`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, "Sample", "", "", "", "", "UTC"} },
}

// CreateResidence makes a residence that the user owns. No time zone is UTC.
func (db *DB) CreateResidence(ctx context.Context, userID int64, n household.NewResidence) (household.Residence, error) {
	setDefault(&n.TimeZone, "UTC")
	return one(ctx, db, residenceCreate,
		[]any{userID, n.Name, n.Street, n.City, n.PostalCode, n.Country, n.TimeZone}, intoResidence)
}

var residenceUpdate = Query{
	Name: "residence_update",
	SQL: `/* residence_update */ WITH ` + seenResidenceCTE + `, r AS (
	UPDATE residences r SET
		name = COALESCE($4::text, r.name), street = COALESCE($5::text, r.street), city = COALESCE($6::text, r.city),
		postal_code = COALESCE($7::text, r.postal_code), country = COALESCE($8::text, r.country),
		time_zone = COALESCE($9::text, r.time_zone), updated_at = now()
	FROM seen
	WHERE r.id = seen.id AND r.active AND seen.role = ANY ($3::text[])
		AND (now() AT TIME ZONE COALESCE($9::text, r.time_zone)) IS NOT NULL
	RETURNING r.*
)
SELECT ` + residenceColumns + ` FROM seen LEFT JOIN r ON true`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, rolesFor(household.ActionEditResidence), "Sample", nil, nil, nil, nil, nil}
	},
}

// UpdateResidence changes what the patch sets; ErrForbidden below admin.
func (db *DB) UpdateResidence(ctx context.Context, userID, residenceID int64, p household.ResidencePatch) (household.Residence, error) {
	return permitted(ctx, db, residenceUpdate, []any{
		userID, residenceID, rolesFor(household.ActionEditResidence),
		p.Name, p.Street, p.City, p.PostalCode, p.Country, p.TimeZone,
	}, intoResidence)
}

var residenceDelete = Query{
	Name: "residence_delete",
	SQL: `/* residence_delete */ WITH ` + seenResidenceCTE + `, gone AS (
	UPDATE residences r SET active = false, updated_at = now()
	FROM seen
	WHERE r.id = seen.id AND r.active AND seen.role = ANY ($3::text[])
	RETURNING r.id, r.owner_id
)
SELECT gone.id, ARRAY(
	SELECT gone.owner_id UNION SELECT user_id FROM residence_users WHERE residence_id = gone.id ORDER BY 1
)
FROM seen LEFT JOIN gone ON true`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, rolesFor(household.ActionDeleteResidence)}
	},
}

// DeleteResidence takes a residence out of everyone's sight and returns the
// owner's and every member's id: all of them have caches to invalidate.
func (db *DB) DeleteResidence(ctx context.Context, userID, residenceID int64) ([]int64, error) {
	type gone struct {
		id   int64
		seen []int64
	}
	g, err := permitted(ctx, db, residenceDelete,
		[]any{userID, residenceID, rolesFor(household.ActionDeleteResidence)},
		func(g *gone) []any { return []any{&g.id, &g.seen} })
	return g.seen, err
}
