package collect

import (
	"context"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// stuckAfter is when the console is asked why no statement comes back: connecting takes eight round trips at most, 0.9 s
// over an ocean, and a client that waits is given up after queryTimeout.
const stuckAfter = time.Second

// lookWhileStuck asks for the pool while a client waits. What is paused as a whole is named by SHOW STATE only, which
// PgBouncer has since 1.19; SHOW DATABASES names a database that was paused by itself.
func (p *poolsConsole) lookWhileStuck(ctx context.Context, f *facts.PoolerFacts) {
	rows, err := p.show(ctx, "POOLS")
	if err != nil {
		return
	}
	out := &f.Stuck
	out.Known = true
	for _, r := range p.console.Of(rows, "database") {
		out.Waiting += r.Number("cl_waiting")
		out.Active += r.Number("sv_active")
		for column := range r {
			if strings.HasPrefix(column, "sv_") {
				out.Servers += r.Number(column)
			}
		}
	}
	if listed, err := p.readDatabase(ctx, f); err == nil {
		out.Unlisted = !listed
		out.DatabasePaused = listed && f.Database.Number("paused") == 1
	}
	if rows, err := p.show(ctx, "STATE"); err == nil {
		out.StateKnown = true
		for _, r := range rows {
			out.Paused = out.Paused || r["key"] == "paused" && r["value"] == "yes"
		}
	}
}
