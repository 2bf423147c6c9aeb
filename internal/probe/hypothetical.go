package probe

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/store"
)

// promise is what HypoPG says of an index that is not there: the planner's cost of a hot statement without
// it and with it.
type promise struct {
	who           string
	before, after float64
}

func (p promise) String() string {
	return fmt.Sprintf(" (with it, the planner's cost estimate for %s would fall to %.0f%%, according to HypoPG)", p.who, 100*p.after/max(p.before, 1))
}

// leastPromise is the share of a plan's cost that an index must save to be worth a word.
const leastPromise = 0.1

// askHypoPG asks for the plans of the hot statements with each expected index that is not of use. It does
// so only where the extension is installed already, and by the direct endpoint: hypothetical indexes live
// in the session, and are forgotten before it goes on.
func (o *observation) askHypoPG(ctx context.Context, s *session, subjects []store.Subject) {
	if o.facts == nil || o.schema == nil || o.facts.hypopg == "" || !s.direct.usable() || s.direct.pooled {
		return
	}
	o.promises = map[string]promise{}
	for _, want := range o.expected {
		have, ok := o.facts.index(want.Name)
		if ok && have.valid && have.key == expectedKey(want) {
			continue
		}
		best, err := promiseOf(ctx, s.direct.conn, o.facts.hypopg, want, o.hot, subjects)
		if err != nil {
			return // it is an extra: without it the rest stands
		}
		if best.before > 0 && best.after <= best.before*(1-leastPromise) {
			o.promises[want.Name] = best
		}
	}
}

// promiseOf explains, in one turn, every hot statement that reads the table, and returns the one that gains
// most.
func promiseOf(ctx context.Context, conn *pgx.Conn, schema string, want store.Index, hot []HotPath, subjects []store.Subject) (best promise, err error) {
	first, _, _ := strings.Cut(want.DDL, ";\n")
	_, on, _ := strings.Cut(strings.TrimSuffix(first, ";"), " ON ")
	// HypoPG 1.3 uses a partial index only for the first table of a statement. The whole index has the same
	// columns and is a little dearer, so that it promises no more than the partial one holds.
	on, _, _ = strings.Cut(on, " WHERE ")
	b := readOnly()
	b.Queue("SELECT FROM "+schema+".hypopg_create_index($1)", "CREATE INDEX ON "+on)
	plans := make([]*Plan, len(hot))
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
		now := promise{hot[i].who(), hot[i].Plan.Root.TotalCost, p.Root.TotalCost}
		if best.who == "" || now.before-now.after > best.before-best.after {
			best = now
		}
	}
	return best, nil
}

func statementOf(h HotPath, subjects []store.Subject) (q store.Query, subject store.Subject, ok bool) {
	for _, q = range hotStatements() {
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
