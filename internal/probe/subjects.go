package probe

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/store"
)

// pickSubjects picks the users by the most exact way that reads no table from end to end, as a plain
// EXPLAIN of it says: on a database whose indexes are gone, the usual way would read tasks dozens of times.
func (o *observation) pickSubjects(ctx context.Context, planner *pgServer) (subjects []store.Subject, err error) {
	picks := store.SubjectPicks()
	for i, q := range picks {
		last := i == len(picks)-1
		if !last && o.readsWhole(ctx, planner, q) {
			continue
		}
		if subjects, err = subjectsBy(ctx, planner, q); err == nil || last || ctx.Err() != nil {
			o.subjectsFrom = q.Name
			return subjects, err
		}
	}
	return subjects, err
}

// subjectsBy picks by one statement, in a read-only transaction with the probe's time-outs: one turn.
func subjectsBy(ctx context.Context, planner *pgServer, q store.Query) (subjects []store.Subject, err error) {
	err = readInOneTurn(ctx, planner.conn, q.SQL, func(rows pgx.Rows) (err error) {
		subjects, err = store.ReadSubjects(rows)
		return err
	})
	return subjects, err
}

// readsWhole reports whether the plan of a statement without parameters reads a table of S14's size from
// end to end. A statement that can't be explained is taken to do so.
func (o *observation) readsWhole(ctx context.Context, planner *pgServer, q store.Query) bool {
	var p *Plan
	if err := readInOneTurn(ctx, planner.conn, "EXPLAIN (FORMAT JSON) "+q.SQL, planInto(&p)); err != nil {
		return true
	}
	for _, scan := range p.sequential() {
		if o.schema.size(scan.Relation, 0) >= s14ExemptRows {
			return true
		}
	}
	return false
}
