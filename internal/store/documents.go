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
	SQL: `/* document_list */ WITH ` + homesCTE + `, page AS (
	SELECT ` + documentColumns + `
	FROM homes h JOIN documents d ON d.residence_id = h.id
	WHERE d.id > $2::bigint ORDER BY d.id LIMIT $3::int
)
SELECT h.id, ` + documentColumns + ` FROM homes h LEFT JOIN page d ON d.residence_id = h.id ORDER BY d.id`,
	Hot:    true,
	Sample: func(s Subject) []any { return []any{s.UserID, 0, DefaultPage + 1} },
}

// Documents lists those of every residence that the user can see.
func (db *DB) Documents(ctx context.Context, userID int64, p Page) (List[household.Document], error) {
	return list(ctx, db, documentList, userID, p, intoDocument, func(d household.Document) int64 { return d.ID })
}

var documentCreate = Query{
	Name: "document_create",
	SQL: `/* document_create */ WITH ` + seenResidenceCTE + `, d AS (
	INSERT INTO documents (residence_id, title, kind, notes, expires_on)
	SELECT seen.id, $3::text, $4::text, $5::text, $6::date FROM seen
	RETURNING *
)
SELECT ` + documentColumns + ` FROM d`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, s.ResidenceID, "Sample", "other", "", nil} },
}

// CreateDocument adds one, without its file, to a residence that the user can see.
func (db *DB) CreateDocument(ctx context.Context, userID int64, n household.NewDocument) (household.Document, error) {
	setDefault(&n.Kind, "other")
	return one(ctx, db, documentCreate, []any{
		userID, n.ResidenceID, n.Title, n.Kind, n.Notes, dateArg(n.ExpiresOn),
	}, intoDocument)
}

var documentDelete = Query{
	Name: "document_delete",
	SQL: `/* document_delete */ WITH ` + homesCTE + `
DELETE FROM documents d USING homes h WHERE d.id = $2::bigint AND h.id = d.residence_id RETURNING d.id`,
	Write:  true,
	Sample: func(s Subject) []any { return []any{s.UserID, 0} },
}

// DeleteDocument removes one.
func (db *DB) DeleteDocument(ctx context.Context, userID, documentID int64) error {
	_, err := one(ctx, db, documentDelete, []any{userID, documentID}, intoID)
	return err
}
