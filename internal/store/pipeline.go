package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/household"
)

// reading is one statement of a pipeline, with what takes its rows.
type reading struct {
	query Query
	args  []any
	scan  func(pgx.Rows) error
}

// binaryResults asks for every column in Postgres' binary form: a third less on
// the wire than text, for which the exec mode of pgx would ask.
var binaryResults = []int16{pgx.BinaryFormatCode} //nolint:gochecknoglobals // a constant

// pipeline sends statements together and reads their rows one after the other:
// one turn for all of them, whatever the execution mode. The statements are
// unnamed, so that it is safe through a pooler in transaction mode: until the one
// Sync at the end they are one transaction. Each has a snapshot of its own. The
// first names the errors and decides whether the pipeline may be sent again; only
// it may write.
func (db *DB) pipeline(ctx context.Context, reset func(), readings ...reading) error {
	return db.borrow(ctx, readings[0].query, func(ctx context.Context, conn *pgx.Conn) error {
		reset()
		batch := &pgconn.Batch{}
		for _, r := range readings {
			// One builder for each: the batch keeps what it has built.
			var built pgx.ExtendedQueryBuilder
			if err := built.Build(conn.TypeMap(), nil, r.args); err != nil {
				return err
			}
			batch.ExecParams(r.query.SQL, built.ParamValues, nil, built.ParamFormats, binaryResults)
		}
		// The first span starts before anything is sent and so gets the turn.
		traced := db.tracer.TraceQueryStart(ctx, conn, startOf(readings[0]))
		results := conn.PgConn().ExecBatch(ctx, batch)
		var failed error
		var later *laterError
		for i, r := range readings {
			if i > 0 {
				traced = db.tracer.TraceQueryStart(ctx, conn, startOf(r))
			}
			tag, err := readNext(conn, results, r.scan)
			db.tracer.TraceQueryEnd(traced, conn, pgx.TraceQueryEndData{CommandTag: tag, Err: err})
			if err != nil {
				failed = err
				if i > 0 {
					later = &laterError{err: err}
					failed = later
				}
				break // the server has skipped the rest
			}
		}
		err := results.Close()
		switch {
		case later != nil:
			later.committed = err == nil
		case failed == nil && err != nil:
			failed = &afterCommandError{err}
		}
		return failed
	})
}

// laterError is of a statement of a pipeline that is not the first. committed:
// the server ran all of them, and only the rows could not be read.
type laterError struct {
	err       error
	committed bool
}

func (e *laterError) Error() string { return e.err.Error() }
func (e *laterError) Unwrap() error { return e.err }

func startOf(r reading) pgx.TraceQueryStartData {
	return pgx.TraceQueryStartData{SQL: r.query.SQL, Args: r.args}
}

var errNoResult = errors.New("a statement of a pipeline had no result")

func readNext(conn *pgx.Conn, results *pgconn.MultiResultReader, scan func(pgx.Rows) error) (pgconn.CommandTag, error) {
	if !results.NextResult() {
		return pgconn.CommandTag{}, errors.Join(results.Close(), errNoResult)
	}
	rows := pgx.RowsFromResultReader(conn.TypeMap(), results.ResultReader())
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return pgconn.CommandTag{}, err
		}
	}
	return rows.CommandTag(), rows.Err()
}

// forBearer runs a list for the token's user and looks the user up in the same
// turn. The list goes first: each statement has a snapshot of its own, and a token
// that is there for the later one was there for the earlier. The other way around a
// log-out between the two would leave an empty list for a user who was found. (With
// SplitAuth, which is for experiments, the token is looked up in a turn before.)
// The list's statement finds the user by the token itself, so that nothing is
// ever read under an id that somebody handed in.
func (db *DB) forBearer(ctx context.Context, tokenHash []byte, q Query, args []any, reset func(), scan func(pgx.Rows) error) (household.User, error) {
	var u household.User
	found := false
	auth, err := db.authReading(ctx, tokenHash, func(rows pgx.Rows) error {
		found = true
		return rows.Scan(append(intoUser(&u), nil)...) // the list tells the residences itself, from its own snapshot
	})
	if err != nil {
		return household.User{}, err
	}
	err = db.pipeline(ctx, func() { u, found = household.User{}, false; reset() }, reading{q, args, scan}, auth)
	if err == nil && !found {
		err = fmt.Errorf("store: %s: %w", authLookup.Name, ErrNotFound)
	}
	if err != nil {
		return household.User{}, err
	}
	return u, nil
}
