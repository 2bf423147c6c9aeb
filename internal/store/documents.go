package store

import (
	"context"

	"github.com/honeydue/honeydue/internal/household"
)

// documentColumns are read by intoDocument; d is the document.
const documentColumns = `d.id, d.residence_id, d.title, d.kind, d.notes, d.expires_on, d.created_at, d.updated_at`

func intoDocument(d *household.Document) []any {
	return []any{&d.ID, &d.ResidenceID, &d.Title, &d.Kind, &d.Notes, &d.ExpiresOn, &d.CreatedAt, &d.UpdatedAt}
}

var documentList = Query{
	Name: "document_list",
	SQL: `/* document_list */ WITH ` + bearerCTE + `, ` + homesCTE + `, page AS (
	SELECT ` + documentColumns + `
	FROM homes h JOIN documents d ON d.residence_id = h.id
	WHERE d.id > $2::bigint ORDER BY d.id LIMIT $3::int
)
SELECT h.id, ` + documentColumns + ` FROM homes h LEFT JOIN page d ON d.residence_id = h.id ORDER BY d.id`,
	Hot:    true,
	Sample: func(s Subject) []any { return []any{s.TokenHash, 0, DefaultPage + 1} },
}

// Documents lists those of every residence that the token's user can see, and
// tells who that is: one turn for both. No such token is ErrNotFound.
func (db *DB) Documents(ctx context.Context, tokenHash []byte, p Page) (household.User, List[household.Document], error) {
	return hotList(ctx, db, documentList, tokenHash, p, intoDocument, func(d household.Document) int64 { return d.ID })
}

var documentCreate = Query{
	Name: "document_create",
	SQL: `/* document_create */ WITH ` + seenResidenceCTE + `, changed AS (
	INSERT INTO documents (residence_id, title, kind, notes, expires_on)
	SELECT seen.id, $4::text, $5::text, $6::text, $7::date FROM seen
	RETURNING *
), ` + notedCTE + `'document', c.id, false, '{}', ARRAY[c.residence_id] FROM changed c
)
SELECT ` + documentColumns + ` FROM changed d`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, sampleWriteID, "Sample", "other", "", nil}
	},
}

// CreateDocument adds one, without its file, to a residence that the user can see.
func (db *DB) CreateDocument(ctx context.Context, w Write, userID int64, n household.NewDocument) (household.Document, error) {
	setDefault(&n.Kind, "other")
	return one(ctx, db, documentCreate.with(w), []any{
		userID, n.ResidenceID, w.ID, n.Title, n.Kind, n.Notes, dateArg(n.ExpiresOn),
	}, intoDocument)
}

var documentDelete = Query{
	Name: "document_delete",
	SQL: `/* document_delete */ WITH ` + askingCTE + `, ` + homesCTE + `, seen AS (
	SELECT d.id, d.residence_id FROM documents d JOIN homes h ON h.id = d.residence_id WHERE d.id = $2::bigint
), ` + heldCTE + `, gone AS (
	DELETE FROM documents d USING held h WHERE d.id = h.id AND d.residence_id = h.residence_id RETURNING d.id, d.residence_id
), ` + notedCTE + `'document', c.id, true, '{}', ARRAY[c.residence_id] FROM gone c
)
SELECT ` + guardColumns + `, gone.id FROM seen LEFT JOIN gone ON true`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, 0, sampleWriteID, []int64{s.ResidenceID}} },
}

// DeleteDocument removes one.
func (db *DB) DeleteDocument(ctx context.Context, w Write, userID, documentID int64) error {
	_, err := guarded(ctx, db, documentDelete.with(w), []any{userID, documentID, w.ID, w.held()}, intoID)
	return err
}
