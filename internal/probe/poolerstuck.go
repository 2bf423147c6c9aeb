package probe

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// stuckAfter is when the console is asked why no statement comes back: connecting takes eight round trips at most, 0.9 s
// over an ocean, and a client that waits is given up after queryTimeout.
const stuckAfter = time.Second

// stuckPool is what the console says of the app's pool while a client waits in it.
type stuckPool struct {
	known                  bool
	paused, databasePaused bool
	// unlisted is set where SHOW DATABASES does not name the database. PgBouncer 1.18 leaves out one of its wildcard (*) that
	// had no client at its last maintenance, although clients wait in it by now.
	unlisted                 bool
	waiting, active, servers int64 // servers of any state
}

// hopeless reports whether whoever waits is given nothing: the pool is paused, or it has no server connection and opens
// none.
func (s stuckPool) hopeless() bool {
	return s.paused || s.databasePaused || s.known && s.waiting > 0 && s.servers == 0
}

// lookWhileStuck asks for the pool while a client waits. What is paused as a whole is named by SHOW STATE only, which
// PgBouncer has since 1.19; SHOW DATABASES names a database that was paused by itself.
func (p *poolsConsole) lookWhileStuck(ctx context.Context) (out stuckPool) {
	rows, err := p.show(ctx, "POOLS")
	if err != nil {
		return out
	}
	out.known = true
	for _, r := range p.console.Of(rows, "database") {
		out.waiting += r.Number("cl_waiting")
		out.active += r.Number("sv_active")
		for column := range r {
			if strings.HasPrefix(column, "sv_") {
				out.servers += r.Number(column)
			}
		}
	}
	if rows, err := p.show(ctx, "DATABASES"); err == nil {
		out.unlisted = len(p.console.Of(rows, "name")) == 0
		for _, r := range p.console.Of(rows, "name") {
			out.databasePaused = out.databasePaused || r.Number("paused") == 1
		}
	}
	if rows, err := p.show(ctx, "STATE"); err == nil {
		for _, r := range rows {
			out.paused = out.paused || r["key"] == "paused" && r["value"] == "yes"
		}
	}
	return out
}

// A pool that is held, and who holds it.
const holders = `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, application_name, state, now() - xact_start AS age FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL ORDER BY 4 DESC"`

// stuck is why the pooler gives no server connection, as far as its console told, and what mends that.
func (o *observation) stuck() hit {
	c := o.ways.console
	if c == nil || c.failed != nil || !c.stuck.known {
		return hit{
			evidence: " Whether it is paused or its pool is full its console would tell (PGBOUNCER_ADMIN_URL).",
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW DATABASES' -c 'SHOW POOLS'   # paused is 1, or there are no servers (sv_) at all: psql "$PGBOUNCER_ADMIN_URL" -c RESUME` + "\n" +
				holders + `   # sv_active is pool_size: end these, or raise default_pool_size`,
		}
	}
	s := c.stuck
	switch {
	case s.databasePaused:
		return hit{
			evidence: " SHOW DATABASES: the database is paused.",
			remedy:   fmt.Sprintf(`psql "$PGBOUNCER_ADMIN_URL" -c 'RESUME %s'`, o.ways.database),
		}
	case s.paused:
		return hit{evidence: " SHOW STATE: it is paused.", remedy: resume}
	case c.poolSize > 0 && s.active >= c.poolSize:
		return hit{
			evidence: fmt.Sprintf(" SHOW POOLS: its pool is full: %d of %d server connections are busy, and %d clients wait.", s.active, c.poolSize, s.waiting),
			remedy:   holders + "   # they hold the pool: end them with pg_terminate_backend(pid)" + c.largerPool(),
		}
	case s.servers == 0 && s.waiting > 0 && s.unlisted:
		return hit{
			evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and it has no server connection and opens none: so looks a pooler that is paused, or whose database is, which SHOW DATABASES does not list.", s.waiting),
			remedy:   resume + fmt.Sprintf(` -c 'RESUME %s'   # the one that was not paused says so; neither was? Then it can't log in to Postgres: its own log says why`, o.ways.database),
		}
	case s.servers == 0 && s.waiting > 0:
		return hit{
			evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and it has no server connection and opens none: so looks a pooler that is paused.", s.waiting),
			remedy:   resume + "   # it was not paused? Then it can't log in to Postgres: its own log says why",
		}
	}
	return hit{
		evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, %d of its %d server connections are busy; it is not paused and its pool of %d is not full.", s.waiting, s.active, s.servers, c.poolSize),
		remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW SERVERS'   # state login: it can't reach Postgres or log in; its own log says why`,
	}
}

const resume = `psql "$PGBOUNCER_ADMIN_URL" -c RESUME`

// largerPool doubles the pool; a database with a pool_size of its own does not hear of it.
func (f *poolerFacts) largerPool() string {
	if f.settings.Number("default_pool_size") != f.poolSize {
		return "; or raise its pool_size in pgbouncer.ini"
	}
	return fmt.Sprintf(`; or: psql "$PGBOUNCER_ADMIN_URL" -c 'SET default_pool_size = %d'`, 2*f.poolSize)
}
