package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// build makes the database that the copies are taken from: the migrations' schema, synthetic rows in
// production's proportions, and then what is wrong with production: its indexes, its dead rows and its
// stale statistics.
func build(ctx context.Context, s *facts.Sketch, bed TrialBed, findings []facts.Finding) (*built, error) {
	out := &built{mode: s.Mode}
	if err := bed.Drop(ctx, trialDatabase); err != nil {
		return out, err
	}
	_, direct, err := bed.Create(ctx, trialDatabase, "")
	if err != nil {
		return out, err
	}
	if err := store.Migrate(ctx, direct); err != nil {
		return out, err
	}
	options, share := seed(s)
	if _, err := store.Seed(ctx, direct, options); err != nil {
		return out, err
	}
	out.note = "The remedies were tried on a copy with synthetic rows, for " + facts.Plural(options.Users, "user", "users") + "."
	if share < 1 {
		out.note += fmt.Sprintf(" It has one row for every %.1f in production: where a cost grows with the table, a remedy saves less in the copy than in production.", 1/share)
	}
	conn, err := pgx.Connect(ctx, direct)
	if err != nil {
		return out, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	b := &breaker{conn: conn, direct: direct, facts: s.Facts}
	for _, f := range findings {
		b.codes = append(b.codes, f.Code)
	}
	if err := b.breakIndexes(ctx, s.Expected); err != nil {
		return out, err
	}
	if err := b.breakTables(ctx); err != nil {
		return out, err
	}
	out.made = b.made
	for _, left := range b.left {
		out.note += " " + left
	}
	return out, nil
}

// seed turns production's counts into the seed's means. The planner's counts are taken, since stale
// statistics are part of what is tried; tables grow afterwards. share is the part of production's rows.
func seed(s *facts.Sketch) (o store.SeedOptions, share float64) {
	rows := func(table string) float64 { return max(1, s.Facts.Tables[table].Estimated) }
	share = min(1, trialRows/max(rows("tasks"), rows("task_completions"), rows("residences"), s.Facts.Tables["tasks"].Live))
	mean := func(of, per string) int { return max(1, int(math.Round(rows(of)/rows(per)))) }
	// Fewer users than this, and the seed makes none that is heavy.
	const leastUsers = 20
	o = store.SeedOptions{
		Users:             max(leastUsers, int(rows("users")*share)),
		ResidencesPerUser: mean("residences", "users"), TasksPerResidence: mean("tasks", "residences"),
		CompletionsPerTask: mean("task_completions", "tasks"), Seed: 1, TokensOut: io.Discard, // the tokens are wanted in the database alone
	}
	return o, share
}

// breaker makes the lab's database as faulty as production is.
type breaker struct {
	conn   *pgx.Conn
	direct string
	facts  *facts.DatabaseFacts
	codes  []string
	made   []string // the codes that breakTables has brought about
	// left says in sentences what could not be brought about.
	left []string
}

func (b *breaker) run(ctx context.Context, sql string) error {
	return dial.Bound(ctx, trialTimeout, func(ctx context.Context) error {
		_, err := b.conn.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
}

// breakIndexes drops, spoils and adds until the lab has production's indexes. Names and columns are
// quoted; a definition out of production is never run as it stands.
func (b *breaker) breakIndexes(ctx context.Context, expected []store.Index) error {
	ours := map[string]bool{}
	tables := map[string]bool{}
	for _, want := range expected {
		ours[want.Name], tables[want.Table] = true, true
		have, ok := b.facts.Index(want.Name)
		if ok && have.Valid && have.Table == want.Table && have.Key == check.ExpectedKey(want) {
			continue
		}
		drop := "DROP INDEX " + want.Name
		if strings.Contains(want.DDL, ";\nALTER TABLE ") {
			drop = fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s CASCADE", want.Table, want.Name)
		}
		if err := b.run(ctx, drop); err != nil {
			return err
		}
		var err error
		switch {
		case !ok:
		case !have.Valid:
			err = b.leaveInvalid(ctx, want)
		default:
			err = b.run(ctx, create(have))
		}
		if err != nil {
			return err
		}
	}
	for _, d := range b.facts.Indexes {
		if ours[d.Name] || d.Constraint || !tables[d.Table] || !d.Valid {
			continue
		}
		if d.Columns == nil {
			b.left = append(b.left, fmt.Sprintf("%s has an expression or a condition and was skipped.", d.Name))
			continue
		}
		if err := b.run(ctx, create(d)); err != nil {
			b.left = append(b.left, fmt.Sprintf("%s could not be created.", d.Name))
		}
	}
	return nil
}

// create is an index on production's columns. What has expressions or a condition becomes one that no
// statement can use; synthetic rows need not be unique.
func create(d facts.IndexDefinition) string {
	columns := []string{"(1)"}
	if d.Columns != nil {
		columns = nil
		for _, c := range d.Columns {
			column := pgx.Identifier{c.Name}.Sanitize()
			if c.Descending {
				column += " DESC"
			}
			if c.NullsFirst != c.Descending {
				column += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[c.NullsFirst]
			}
			columns = append(columns, column)
		}
	}
	return fmt.Sprintf("CREATE INDEX %s ON %s (%s)", pgx.Identifier{d.Name}.Sanitize(), pgx.Identifier{d.Table}.Sanitize(), strings.Join(columns, ", "))
}

// leaveInvalid gives up half-way, as an operator's cancelled command does: the index waits for a
// transaction that holds the table.
func (b *breaker) leaveInvalid(ctx context.Context, want store.Index) error {
	if err := b.run(ctx, "BEGIN; LOCK TABLE "+want.Table+" IN ROW EXCLUSIVE MODE"); err != nil {
		return err
	}
	first, _, _ := strings.Cut(want.DDL, ";\n")
	err := runDirect(ctx, b.direct, []string{"SET statement_timeout = '200ms'", first})
	if err == nil {
		err = errors.New("the index was completed although its build should have been canceled")
	} else if dial.Explain(ctx, "", err).Kind == facts.KindTimeout {
		err = nil // as it was meant to
	}
	return errors.Join(err, b.run(ctx, "ROLLBACK"))
}

// breakTables brings about dead rows and stale statistics where they were found.
func (b *breaker) breakTables(ctx context.Context) error {
	for _, name := range keyless() {
		t := b.facts.Tables[name]
		stale := slices.Contains(b.codes, "HD-Q09") && t.Estimated > 0 && t.Changed >= check.StaleShare*t.Estimated && t.Live > t.Estimated
		dead := slices.Contains(b.codes, "HD-Q08") && t.Live > 0 && t.Dead >= check.DeadFactor*t.VacuumAt
		if !stale && !dead {
			continue
		}
		columns, err := b.columns(ctx, name)
		if err != nil {
			return err
		}
		if err := b.run(ctx, "ALTER TABLE "+name+" SET (autovacuum_enabled = off)"); err != nil {
			return err
		}
		if stale {
			// The rows that the planner does not know of are copies of those that it does.
			list := strings.Join(columns, ", ")
			err = b.run(ctx, fmt.Sprintf("INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM %[1]s CROSS JOIN generate_series(1, %[3]d) WHERE random() < %[4]f",
				name, list, growth(t), (t.Live/t.Estimated-1)/float64(growth(t))))
			if err != nil {
				b.left = append(b.left, fmt.Sprintf("The growth of %s could not be reproduced.", name))
			} else {
				b.made = append(b.made, "HD-Q09")
			}
		}
		if dead {
			b.made = append(b.made, "HD-Q08")
		}
		for rest := t.Dead / max(t.Live, 1); dead && rest > 0; rest-- {
			err := b.run(ctx, fmt.Sprintf("UPDATE %s SET %[2]s = %[2]s WHERE random() < %[3]f", name, columns[0], min(1, rest)))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// keyless are the tables whose rows have no key besides their id, so that they can be multiplied.
func keyless() []string { return []string{"tasks", "task_completions", "contractors", "documents"} }

// growth is by how many copies of each row a table has grown, at most 20.
func growth(t facts.TableFacts) int {
	const most = 20
	return min(most, max(1, int(math.Ceil(t.Live/t.Estimated-1))))
}

// columns lists a table's columns that can be written, in the lab.
func (b *breaker) columns(ctx context.Context, table string) ([]string, error) {
	rows, err := b.conn.Query(ctx, `SELECT quote_ident(attname) FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = '' ORDER BY attnum`, table)
	if err != nil {
		return nil, err
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("the table %s has no columns in the lab", table)
	}
	return out, err
}

// runDirect runs statements one by one on a connection of its own: CONCURRENTLY and VACUUM refuse to be part
// of a transaction.
func runDirect(ctx context.Context, directURL string, sql []string) error {
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, directURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range sql {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
