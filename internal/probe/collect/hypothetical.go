package collect

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// leastPromise is the share of a plan's cost that an index must save to be worth a word.
const leastPromise = 0.1

// askHypoPG asks for the plans of the hot statements with each expected index that is not of use. It does
// so only where the extension is installed already, and by the direct endpoint: hypothetical indexes live
// in the session, and are forgotten before it goes on.
func askHypoPG(ctx context.Context, o *facts.Observation, s *session, subjects []store.Subject) {
	if o.Facts == nil || o.Schema == nil || o.Facts.Hypopg == "" || !s.direct.usable() || s.direct.Pooled {
		return
	}
	o.Promises = map[string]facts.Promise{}
	for _, want := range o.Expected {
		have, ok := o.Facts.Index(want.Name)
		if ok && have.Valid && have.Key == check.ExpectedKey(want) {
			continue
		}
		best, err := promiseOf(ctx, s.direct.conn, o.Facts.Hypopg, want, o.Hot, subjects)
		if err != nil {
			return // it is an extra: without it the rest stands
		}
		if best.Before > 0 && best.After <= best.Before*(1-leastPromise) {
			o.Promises[want.Name] = best
		}
	}
}

// promiseOf explains, in one turn, every hot statement that reads the table, and returns the one that gains
// most.
func promiseOf(ctx context.Context, conn *pgx.Conn, schema string, want store.Index, hot []facts.HotPath, subjects []store.Subject) (best facts.Promise, err error) {
	first, _, _ := strings.Cut(want.DDL, ";\n")
	_, on, _ := strings.Cut(strings.TrimSuffix(first, ";"), " ON ")
	// HypoPG 1.3 uses a partial index only for the first table of a statement. The whole index has the same
	// columns and is a little dearer, so that it promises no more than the partial one holds.
	on, _, _ = strings.Cut(on, " WHERE ")
	b := readOnly()
	b.Queue("SELECT FROM "+schema+".hypopg_create_index($1)", "CREATE INDEX ON "+on)
	plans := make([]*facts.Plan, len(hot))
	for i, h := range hot {
		q, subject, ok := statementOf(h, subjects)
		if !ok || h.Plan == nil {
			continue
		}
		b.Queue("EXPLAIN (FORMAT JSON) "+q.SQL, q.Sample(subject)...).Query(planInto(&plans[i]))
	}
	b.Queue("SELECT FROM " + schema + ".hypopg_reset()")
	if err := inOneTurn(ctx, conn, b); err != nil {
		return best, err
	}
	for i, p := range plans {
		if p == nil {
			continue
		}
		now := facts.Promise{Who: hot[i].Who(), Before: hot[i].Plan.Root.TotalCost, After: p.Root.TotalCost}
		if best.Who == "" || now.Before-now.After > best.Before-best.After {
			best = now
		}
	}
	return best, nil
}

func statementOf(h facts.HotPath, subjects []store.Subject) (q store.Query, subject store.Subject, ok bool) {
	for _, q = range facts.HotStatements() {
		if q.Name != h.Name {
			continue
		}
		for _, subject = range subjects {
			if subject.Label == h.Subject {
				return q, subject, true
			}
		}
	}
	return q, subject, false
}
