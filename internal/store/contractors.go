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
	SQL: `/* contractor_list */ WITH ` + bearerCTE + `, ` + homesCTE + `, page AS (
	SELECT ` + contractorColumns + `
	FROM homes h JOIN contractors c ON c.residence_id = h.id
	WHERE c.id > $2::bigint ORDER BY c.id LIMIT $3::int
)
SELECT h.id, ` + contractorColumns + ` FROM homes h LEFT JOIN page c ON c.residence_id = h.id ORDER BY c.id`,
	Hot:    true,
	Sample: func(s Subject) []any { return []any{s.TokenHash, 0, DefaultPage + 1} },
}

// Contractors lists those of every residence that the token's user can see, and
// tells who that is: one turn for both. No such token is ErrNotFound.
func (db *DB) Contractors(ctx context.Context, tokenHash []byte, p Page) (household.User, List[household.Contractor], error) {
	return hotList(ctx, db, contractorList, tokenHash, p, intoContractor, func(c household.Contractor) int64 { return c.ID })
}

var contractorCreate = Query{
	Name: "contractor_create",
	SQL: `/* contractor_create */ WITH ` + seenResidenceCTE + `, changed AS (
	INSERT INTO contractors (residence_id, name, company, category, phone, email, notes)
	SELECT seen.id, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text FROM seen
	RETURNING *
), ` + notedCTE + `'contractor', c.id, false, '{}', ARRAY[c.residence_id] FROM changed c
)
SELECT ` + contractorColumns + ` FROM changed c`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, sampleWriteID, "Sample", "", "general", "", "", ""}
	},
}

// CreateContractor adds one to a residence that the user can see.
func (db *DB) CreateContractor(ctx context.Context, w Write, userID int64, n household.NewContractor) (household.Contractor, error) {
	setDefault(&n.Category, household.CategoryGeneral)
	return one(ctx, db, contractorCreate.with(w), []any{
		userID, n.ResidenceID, w.ID, n.Name, n.Company, string(n.Category), n.Phone, n.Email, n.Notes,
	}, intoContractor)
}

var contractorDelete = Query{
	Name: "contractor_delete",
	SQL: `/* contractor_delete */ WITH ` + askingCTE + `, ` + homesCTE + `, seen AS (
	SELECT c.id, c.residence_id FROM contractors c JOIN homes h ON h.id = c.residence_id WHERE c.id = $2::bigint
), ` + heldCTE + `, gone AS (
	DELETE FROM contractors c USING held h WHERE c.id = h.id AND c.residence_id = h.residence_id RETURNING c.id, c.residence_id
), ` + notedCTE + `'contractor', c.id, true, '{}', ARRAY[c.residence_id] FROM gone c
)
SELECT ` + guardColumns + `, gone.id FROM seen LEFT JOIN gone ON true`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, 0, sampleWriteID, []int64{s.ResidenceID}} },
}

// DeleteContractor removes one.
func (db *DB) DeleteContractor(ctx context.Context, w Write, userID, contractorID int64) error {
	_, err := guarded(ctx, db, contractorDelete.with(w), []any{userID, contractorID, w.ID, w.held()}, intoID)
	return err
}
