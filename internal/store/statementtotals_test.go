package store

import (
	"context"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// The totals count what others execute, each once, and not their own look-ups; one is one turn.
func TestStatementTotals(t *testing.T) {
	env := labtest.Database(t, Migrate)
	dials := &link.Dials{}
	stats, err := OpenStatementStats(t.Context(), env.DirectURL, dials)
	check(t, err)
	defer stats.Close(context.WithoutCancel(t.Context()))
	_, err = stats.Totals(t.Context()) // the first look-up plans with what the catalogue has to be asked for
	check(t, err)
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 1, 1 })
	before, err := stats.Totals(t.Context())
	check(t, err)
	turns := dials.Total()
	for range 5 {
		check(t, db.Ping(t.Context()))
	}
	after, err := stats.Totals(t.Context())
	check(t, err)
	if got := after.Calls - before.Calls; got != 5 || after.ExecMS <= before.ExecMS {
		t.Errorf("5 statements of others and 1 of its own: %d calls, %+v to %+v", got, before, after)
	}
	if got := dials.Total() - turns; got != 1 || dials.Count() != 1 {
		t.Errorf("one look-up: %d turns over %d connections", got, dials.Count())
	}
	check(t, stats.Close(t.Context()))
	if stats.Usable() {
		t.Error("it is closed, and usable")
	}
	check(t, stats.Close(t.Context()))
}
