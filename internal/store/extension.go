package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

var extensionFind = Query{
	Name: "extension_find",
	SQL: `/* extension_find */ SELECT
	COALESCE((SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = $1::text), ''),
	EXISTS (SELECT FROM pg_available_extensions WHERE name = $1::text)`,
	Sample: func(Subject) []any { return []any{"pg_prewarm"} },
}

// Extension is a server extension as one database has it.
type Extension struct {
	Name string
	// Schema holds its functions and views, quoted where SQL needs quotes; "" when it is not installed here. It is
	// often not in the search_path.
	Schema string
	// Available reports whether CREATE EXTENSION would find it.
	Available bool
}

// Installed reports whether this database has the extension.
func (e Extension) Installed() bool { return e.Schema != "" }

// Qualified is the name of one of its functions or views, with the schema.
func (e Extension) Qualified(object string) string { return e.Schema + "." + object }

// qualify is the text of a statement in which each call of the given function names its schema.
func (e Extension) qualify(sql, function string) string {
	return strings.ReplaceAll(sql, function+"(", e.Qualified(function)+"(")
}

// FindExtension looks an extension up in conn's database: one turn.
func FindExtension(ctx context.Context, conn *pgx.Conn, name string) (Extension, error) {
	e := Extension{Name: name}
	err := conn.QueryRow(ctx, extensionFind.SQL, name).Scan(&e.Schema, &e.Available)
	if err != nil {
		return Extension{}, fmt.Errorf("store: cannot look up the extension %s: %w", name, err)
	}
	return e, nil
}
