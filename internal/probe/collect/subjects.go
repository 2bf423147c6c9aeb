package collect

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// pickSubjects picks the users by the most exact way that reads no table from end to end, as a plain
// EXPLAIN of it says: on a database whose indexes are gone, the usual way would read tasks dozens of times.
func pickSubjects(ctx context.Context, o *facts.Observation, planner *pgClient) (subjects []store.Subject, err error) {
	picks := store.SubjectPicks()
	for i, q := range picks {
		last := i == len(picks)-1
		if !last && o.ReadsWhole(planOf(ctx, o, planner, i)) {
			continue
		}
		if subjects, err = subjectsBy(ctx, planner, q); err == nil || last || ctx.Err() != nil {
			o.SubjectsFrom = q.Name
			return subjects, err
		}
	}
	return subjects, err
}

// subjectsBy picks by one statement, in a read-only transaction with the probe's time-outs: one turn.
func subjectsBy(ctx context.Context, planner *pgClient, q store.Query) (subjects []store.Subject, err error) {
	err = readInOneTurn(ctx, planner.conn, q.SQL, func(rows pgx.Rows) (err error) {
		subjects, err = store.ReadSubjects(rows)
		return err
	})
	return subjects, err
}

// planOf is the plan of one of the ways to pick, which has no parameters; nil if it can't be explained.
func planOf(ctx context.Context, o *facts.Observation, planner *pgClient, i int) *facts.Plan {
	if o.Picks != nil {
		return o.Picks[i]
	}
	var p *facts.Plan
	if err := readInOneTurn(ctx, planner.conn, "EXPLAIN (FORMAT JSON) "+store.SubjectPicks()[i].SQL, planInto(&p)); err != nil {
		return nil
	}
	return p
}
