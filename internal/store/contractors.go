package store

import (
	"context"

	"github.com/honeydue/honeydue/internal/household"
)

// contractorColumns are read by intoContractor; c is the contractor.
const contractorColumns = `c.id, c.residence_id, c.name, c.company, c.category, c.phone, c.email, c.notes, c.created_at, c.updated_at`

func intoContractor(c *household.Contractor) []any {
	return []any{&c.ID, &c.ResidenceID, &c.Name, &c.Company, &c.Category, &c.Phone, &c.Email, &c.Notes, &c.CreatedAt, &c.UpdatedAt}
}

var contractorList = Query{
	Name: "contractor_list",
	SQL: `/* contractor_list */ WITH ` + homesCTE + `, page AS (
	SELECT ` + contractorColumns + `
	FROM homes h JOIN contractors c ON c.residence_id = h.id
	WHERE c.id > $2::bigint ORDER BY c.id LIMIT $3::int
)
SELECT h.id, ` + contractorColumns + ` FROM homes h LEFT JOIN page c ON c.residence_id = h.id ORDER BY c.id`,
	Hot:    true,
	Sample: func(s Subject) []any { return []any{s.UserID, 0, DefaultPage + 1} },
}

// Contractors lists those of every residence that the user can see.
func (db *DB) Contractors(ctx context.Context, userID int64, p Page) (List[household.Contractor], error) {
	return list(ctx, db, contractorList, userID, p, intoContractor, func(c household.Contractor) int64 { return c.ID })
}

var contractorCreate = Query{
	Name: "contractor_create",
	SQL: `/* contractor_create */ WITH ` + seenResidenceCTE + `, c AS (
	INSERT INTO contractors (residence_id, name, company, category, phone, email, notes)
	SELECT seen.id, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text FROM seen
	RETURNING *
)
SELECT ` + contractorColumns + ` FROM c`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, "Sample", "", "general", "", "", ""}
	},
}

// CreateContractor adds one to a residence that the user can see.
func (db *DB) CreateContractor(ctx context.Context, userID int64, n household.NewContractor) (household.Contractor, error) {
	setDefault(&n.Category, household.CategoryGeneral)
	return one(ctx, db, contractorCreate, []any{
		userID, n.ResidenceID, n.Name, n.Company, string(n.Category), n.Phone, n.Email, n.Notes,
	}, intoContractor)
}

var contractorDelete = Query{
	Name: "contractor_delete",
	SQL: `/* contractor_delete */ WITH ` + homesCTE + `
DELETE FROM contractors c USING homes h WHERE c.id = $2::bigint AND h.id = c.residence_id RETURNING c.id`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, 0} },
}

// DeleteContractor removes one.
func (db *DB) DeleteContractor(ctx context.Context, userID, contractorID int64) error {
	_, err := one(ctx, db, contractorDelete, []any{userID, contractorID}, intoID)
	return err
}
