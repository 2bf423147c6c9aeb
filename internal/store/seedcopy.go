package store

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// load is one table's COPY: next returns nil after the last row.
type load struct {
	table   string
	columns string
	rows    int
	next    func() ([]any, error)
}

const progressEvery = 20_000

func (l load) copy(ctx context.Context, tx pgx.Tx, progress func(SeedProgress)) (int64, error) {
	made, failed := int64(0), error(nil)
	source := pgx.CopyFromFunc(func() ([]any, error) {
		row, err := l.next()
		failed = err
		if row != nil {
			if made%progressEvery == 0 {
				progress(SeedProgress{Step: l.table, Rows: made, Of: int64(l.rows)})
			}
			made++
		}
		return row, err
	})
	n, err := tx.CopyFrom(ctx, pgx.Identifier{l.table}, strings.Split(l.columns, ", "), source)
	if failed != nil {
		return n, failed // what pgx returns is the server's answer to it
	}
	return n, err
}

// counted is a next that makes n rows.
func counted(n int, row func(i int) []any) func() ([]any, error) {
	i := 0
	return func() ([]any, error) {
		if i == n {
			return nil, nil
		}
		i++
		return row(i - 1), nil
	}
}

// copyAll fills every table, parents first.
func (m *rowMaker) copyAll(ctx context.Context, tx pgx.Tx) ([]SeededTable, error) {
	var tables []SeededTable
	for _, load := range m.loads() {
		began := time.Now()
		n, err := load.copy(ctx, tx, m.opts.Progress)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", load.table, err)
		}
		tables = append(tables, SeededTable{Table: load.table, Rows: n, Took: time.Since(began)})
	}
	return tables, nil
}

func (m *rowMaker) loads() []load {
	loads := []load{
		{"users", "id, email, name, password_hash, created_at, last_active_at", m.opts.Users, counted(m.opts.Users, m.user)},
		{"residences", "id, owner_id, name, street, city, postal_code, country, time_zone, created_at, updated_at", len(m.homes), counted(len(m.homes), m.residence)},
		{"residence_users", "residence_id, user_id, role, joined_at", m.members, m.memberships()},
		{"tasks", "id, residence_id, title, description, category, priority, due_date, frequency, started_at, completed_at, last_completed_at, archived, archived_at, version, created_by, created_at, updated_at", len(m.tasks), counted(len(m.tasks), m.task)},
		{"task_completions", "id, task_id, completed_by, completed_at, notes, cost_cents, previous_due_date", m.completions, m.allCompletions()},
		{"contractors", "id, residence_id, name, company, category, phone, email, notes, created_at, updated_at", len(m.contractors), counted(len(m.contractors), m.contractor)},
		{"documents", "id, residence_id, title, kind, notes, expires_on, created_at, updated_at", len(m.documents), counted(len(m.documents), m.document)},
	}
	if m.opts.TokensOut != nil {
		loads = append(loads, load{"auth_tokens", "key_hash, user_id, created_at", m.opts.Users, m.tokens()})
	}
	return loads
}

func (m *rowMaker) memberships() func() ([]any, error) {
	home, member := 0, 0
	return func() ([]any, error) {
		for home < len(m.homes) && member == len(m.homes[home].members) {
			home, member = home+1, 0
		}
		if home == len(m.homes) {
			return nil, nil
		}
		member++
		return m.membership(home, member-1), nil
	}
}

func (m *rowMaker) allCompletions() func() ([]any, error) {
	row, task, n := 0, 0, 0
	return func() ([]any, error) {
		for task < len(m.tasks) && n == int(m.tasks[task].completions) {
			task, n = task+1, 0
		}
		if task == len(m.tasks) {
			return nil, nil
		}
		row, n = row+1, n+1
		return m.completion(row-1, task, n-1), nil
	}
}

func (m *rowMaker) tokens() func() ([]any, error) {
	out := bufio.NewWriter(m.opts.TokensOut)
	i := 0
	return func() ([]any, error) {
		if i == m.opts.Users {
			return nil, out.Flush()
		}
		text, row, err := m.token(i)
		if err != nil {
			return nil, err
		}
		i++
		_, err = fmt.Fprintf(out, "%d %s\n", row[1], text)
		return row, err
	}
}
