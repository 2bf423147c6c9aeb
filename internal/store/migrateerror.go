package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
)

// MigrationError is a step that failed.
type MigrationError struct {
	File string
	// Line of the file at which Postgres stopped: where it said so the very
	// line, otherwise the first one of the statement, and 0 when that is
	// unknown, too.
	Line int
	SQL  string // the statement
	Err  error
}

func (e *MigrationError) Error() string {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	return fmt.Sprintf("store: migration %s failed and was rolled back: %v", at, e.Err)
}

// Hint says what to do about it.
func (e *MigrationError) Hint() string {
	return "Correct the migration, or the data that it fails on, and run honeydue migrate up again; earlier migrations stay applied."
}

func (e *MigrationError) Unwrap() error { return e.Err }

func migrationError(files fs.FS, sql string, err error) error {
	if _, ours := errors.AsType[*adviceError](err); ours {
		return err
	}
	partial, ok := errors.AsType[*goose.PartialError](err)
	if !ok {
		return fmt.Errorf("store: the migrations could not be run: %w", err)
	}
	m := &MigrationError{File: path.Base(partial.Failed.Source.Path), SQL: sql, Err: partial.Err}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		m.Err = pg
		if file, err := fs.ReadFile(files, partial.Failed.Source.Path); err == nil {
			m.Line = lineOf(string(file), sql, int(pg.Position))
		}
	}
	return m
}

// lineOf finds the line of a migration file, counted from 1, on which the
// position-th character of one of its statements stands; 0 when the statement
// is not found. goose has left out the lines that are comments.
func lineOf(file, sql string, position int) int {
	sql = strings.TrimSpace(sql)
	failing := strings.Count(upTo(sql, position), "\n")
	wanted := strings.Split(sql, "\n")
	lines := strings.Split(file, "\n")
	for start := range lines {
		at, line := 0, 0
		for i := start; i < len(lines) && at < len(wanted); i++ {
			if strings.TrimSpace(lines[i]) == strings.TrimSpace(wanted[at]) {
				if at == failing {
					line = i + 1
				}
				at++
			} else if at == 0 || !skippable(lines[i]) {
				break
			}
		}
		if at == len(wanted) {
			return line
		}
	}
	return 0
}

func skippable(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "--")
}

// upTo is the text before the position-th character, counted from 1.
func upTo(s string, position int) string {
	end := 0
	for range position - 1 {
		if end >= len(s) {
			break
		}
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return s[:end]
}

// failedStatement is a tracer that keeps the text of the last statement that failed.
type failedStatement struct {
	mu  sync.Mutex
	sql string
}

type statementKey struct{}

func (f *failedStatement) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, statementKey{}, d.SQL)
}

func (f *failedStatement) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if sql, ok := ctx.Value(statementKey{}).(string); ok && d.Err != nil {
		f.sql = sql
	}
}

func (f *failedStatement) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sql
}
