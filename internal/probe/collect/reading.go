package collect

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// A reading asks the server's own views one thing. Its SQL is a constant, touches no table of the app and
// gives one row of one JSON value.
type reading struct {
	name string
	sql  string
	// into takes the value.
	into any
}

// reader sends readings on one connection: all of them in one read-only transaction and one turn.
type reader struct {
	server *pgClient
	// serverMS is what the server itself has spent on them so far.
	serverMS float64
	// unread says why a reading has no value.
	unread map[string]*facts.Failure
}

// read fills the readings. One that fails is noted in unread, and those after it are sent once more, so
// that a view which is missing or forbidden takes nothing else away.
func (r *reader) read(ctx context.Context, readings ...reading) {
	for len(readings) > 0 {
		done, err := r.send(ctx, readings)
		if err == nil && done == len(readings) {
			return
		}
		f := dial.Explain(ctx, "", err)
		if done >= len(readings) || f.OutOfTime() || !r.server.usable() {
			for _, q := range readings[min(done, len(readings)):] {
				r.unread[q.name] = f
			}
			return
		}
		r.unread[readings[done].name] = f
		readings = readings[done+1:]
	}
}

// send makes one transaction of the readings and returns how many came back.
func (r *reader) send(ctx context.Context, readings []reading) (done int, err error) {
	var text strings.Builder
	begin := beginReadOnly()
	before := len(begin) // results that are none of the readings'
	text.WriteString(strings.Join(begin, "; ") + ";\n")
	for _, q := range readings {
		text.WriteString(marked(q.sql) + ";\n")
	}
	text.WriteString(marked(readingTimeSQL) + "; COMMIT")
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		results, err := r.server.conn.PgConn().Exec(ctx, text.String()).ReadAll()
		for i, result := range results {
			if result.Err != nil {
				break
			}
			at := i - before
			if len(result.Rows) != 1 || len(result.Rows[0]) != 1 {
				continue // BEGIN, SET and COMMIT have no rows
			}
			value := result.Rows[0][0]
			if at >= 0 && at < len(readings) {
				if err := json.Unmarshal(value, readings[at].into); err != nil {
					return fmt.Errorf("the response to %s has an unexpected format: %w", readings[at].name, err)
				}
				done++
			} else if at == len(readings) {
				took, _ := strconv.ParseFloat(string(value), 64) // 0 is "unknown"
				r.serverMS += took
			}
		}
		return err
	})
	if err != nil {
		rollback(ctx, r.server.conn) // a connection that can't be rolled back is closed with the probe
	}
	return done, err
}

// readingMark tells the probe's own statements from others' in pg_stat_statements. It stands behind their first
// word: Postgres 18 keeps no comment before that.
const readingMark = "/* probe */"

func marked(sql string) string {
	if rest, ok := strings.CutPrefix(strings.TrimSpace(sql), "SELECT "); ok {
		return "SELECT " + readingMark + " " + rest
	}
	return sql
}

// readingTimeSQL is how long the server has worked on the message so far, in ms.
const readingTimeSQL = `SELECT extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000`

// openReader opens a connection of its own: the others are in use while this one watches.
func openReader(ctx context.Context, s *pgClient) *reader {
	s.connect(ctx)
	return &reader{server: s, unread: map[string]*facts.Failure{}}
}
