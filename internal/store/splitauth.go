package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
)

// The look-up as it was before S8: the token first, and then its user. Only
// Config.SplitAuth runs these two, for an experiment.

var authToken = Query{
	Name:   "auth_token",
	SQL:    `/* auth_token */ SELECT user_id FROM auth_tokens WHERE key_hash = $1::bytea`,
	Sample: func(s Subject) []any { return []any{s.TokenHash} },
}

// userOfToken finds whose token it is: one turn.
func (db *DB) userOfToken(ctx context.Context, tokenHash []byte) (int64, error) {
	return one(ctx, db, authToken, []any{tokenHash}, intoID)
}

var authUser = Query{
	Name: "auth_user",
	SQL: `/* auth_user */ SELECT u.id, u.email, u.name, u.created_at, ` + homeIDsColumns + `
FROM users u WHERE u.id = $1`,
	Sample: func(s Subject) []any { return []any{s.UserID} },
}

// userByID finds an account and the residences that it sees: one turn.
func (db *DB) userByID(ctx context.Context, id int64) (household.User, []int64, error) {
	b, err := one(ctx, db, authUser, []any{id}, intoBearer)
	return b.User, b.homes, err
}

// splitUserByToken is UserByToken in two turns.
func (db *DB) splitUserByToken(ctx context.Context, tokenHash []byte) (household.User, []int64, error) {
	id, err := db.userOfToken(ctx, tokenHash)
	if err != nil {
		return household.User{}, nil, err
	}
	return db.userByID(ctx, id)
}

// authReading is the statement by which a pipelined list learns who asks, after
// a turn for the token if the look-up is split.
func (db *DB) authReading(ctx context.Context, tokenHash []byte, scan func(pgx.Rows) error) (reading, error) {
	if !db.cfg.SplitAuth {
		return reading{authLookup, []any{tokenHash}, scan}, nil
	}
	id, err := db.userOfToken(ctx, tokenHash)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return reading{}, err
	}
	return reading{authUser, []any{id}, scan}, nil // of nobody: the list then finds nobody, as with the join
}
