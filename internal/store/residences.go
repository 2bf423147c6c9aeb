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
	SQL: `/* residence_list */ WITH ` + bearerCTE + `, ` + homesCTE + `, page AS (
	SELECT r.id, r.name, r.street, r.city, r.postal_code, r.country, r.time_zone, r.owner_id,
		CASE WHEN r.owner_id = me.id THEN 'owner' ELSE m.role END AS role, r.created_at, r.updated_at
	FROM me CROSS JOIN homes h
	JOIN residences r ON r.id = h.id
	LEFT JOIN residence_users m ON m.residence_id = h.id AND m.user_id = me.id
	WHERE h.id > $2::bigint ORDER BY h.id LIMIT $3::int
)
SELECT h.id, ` + residenceColumns + ` FROM homes h LEFT JOIN page r ON r.id = h.id ORDER BY h.id`,
	Hot:    true,
	Sample: func(s Subject) []any { return []any{s.TokenHash, 0, DefaultPage + 1} },
}

// Residences lists what the token's user can see, and tells who that is: one
// turn for both. No such token is ErrNotFound.
func (db *DB) Residences(ctx context.Context, tokenHash []byte, p Page) (household.User, List[household.Residence], error) {
	return hotList(ctx, db, residenceList, tokenHash, p, intoResidence, func(r household.Residence) int64 { return r.ID })
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
	SQL: `/* residence_create */ WITH changed AS (
	INSERT INTO residences (owner_id, name, street, city, postal_code, country, time_zone)
	SELECT $1::bigint, $2::text, $4::text, $5::text, $6::text, $7::text, $8::text
	WHERE (now() AT TIME ZONE $8::text) IS NOT NULL
	RETURNING *
), ` + notedCTE + `'residence', c.id, false, ARRAY[c.owner_id], ARRAY[c.id] FROM changed c
)
SELECT ` + residenceColumns + ` FROM changed r, (VALUES ('owner')) AS as_owner (role)`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, "Sample", sampleWriteID, "", "", "", "", "UTC"} },
}

// CreateResidence makes a residence that the user owns. No time zone is UTC.
func (db *DB) CreateResidence(ctx context.Context, w Write, userID int64, n household.NewResidence) (household.Residence, error) {
	setDefault(&n.TimeZone, "UTC")
	return one(ctx, db, residenceCreate,
		[]any{userID, n.Name, w.ID, n.Street, n.City, n.PostalCode, n.Country, n.TimeZone}, intoResidence)
}

var residenceUpdate = Query{
	Name: "residence_update",
	SQL: `/* residence_update */ WITH ` + seenResidenceCTE + `, changed AS (
	UPDATE residences r SET
		name = COALESCE($5::text, r.name), street = COALESCE($6::text, r.street), city = COALESCE($7::text, r.city),
		postal_code = COALESCE($8::text, r.postal_code), country = COALESCE($9::text, r.country),
		time_zone = COALESCE($10::text, r.time_zone), updated_at = now()
	FROM seen
	WHERE r.id = seen.id AND r.active AND seen.role = ANY ($4::text[])
		AND (now() AT TIME ZONE COALESCE($10::text, r.time_zone)) IS NOT NULL
	RETURNING r.*
), ` + notedCTE + `'residence', c.id, false, '{}', ARRAY[c.id] FROM changed c
)
SELECT ` + residenceColumns + ` FROM seen LEFT JOIN changed r ON true`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, sampleWriteID, rolesFor(household.ActionEditResidence), "Sample", nil, nil, nil, nil, nil}
	},
}

// UpdateResidence changes what the patch sets; ErrForbidden below admin.
func (db *DB) UpdateResidence(ctx context.Context, w Write, userID, residenceID int64, p household.ResidencePatch) (household.Residence, error) {
	return permitted(ctx, db, residenceUpdate.with(w), []any{
		userID, residenceID, w.ID, rolesFor(household.ActionEditResidence),
		p.Name, p.Street, p.City, p.PostalCode, p.Country, p.TimeZone,
	}, intoResidence)
}

var residenceDelete = Query{
	Name: "residence_delete",
	SQL: `/* residence_delete */ WITH ` + seenResidenceCTE + `, gone AS (
	UPDATE residences r SET active = false, updated_at = now()
	FROM seen
	WHERE r.id = seen.id AND r.active AND seen.role = ANY ($4::text[])
	RETURNING r.id, r.owner_id
), ended AS (
	SELECT gone.id, ARRAY(
		SELECT gone.owner_id UNION SELECT user_id FROM residence_users WHERE residence_id = gone.id ORDER BY 1
	) AS people
	FROM gone
), ` + notedCTE + `'residence', e.id, true, e.people, ARRAY[e.id] FROM ended e
)
SELECT ended.id, ended.people FROM seen LEFT JOIN ended ON true`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, sampleWriteID, rolesFor(household.ActionDeleteResidence)}
	},
}

// DeleteResidence takes a residence out of everyone's sight and returns the
// owner's and every member's id: all of them have caches to invalidate.
func (db *DB) DeleteResidence(ctx context.Context, w Write, userID, residenceID int64) ([]int64, error) {
	type gone struct {
		id   int64
		seen []int64
	}
	g, err := permitted(ctx, db, residenceDelete,
		[]any{userID, residenceID, w.ID, rolesFor(household.ActionDeleteResidence)},
		func(g *gone) []any { return []any{&g.id, &g.seen} })
	return g.seen, err
}
