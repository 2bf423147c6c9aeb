package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// wipeSeed removes the seeded users with their residences and everything in
// them, and says how many users that were. Where nobody else is in the
// database the tables are truncated, which is instant and lets ids start at 1.
func wipeSeed(ctx context.Context, tx pgx.Tx) (int64, error) {
	// Before looking: nobody may register between the look and the truncation.
	if _, err := tx.Exec(ctx, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE"); err != nil {
		return 0, fmt.Errorf("cannot lock the users: %w", err)
	}
	var seeded, others int64
	err := tx.QueryRow(ctx, "SELECT count(*) FILTER (WHERE email LIKE 'seed-%@"+seedDomain+"'), "+
		"count(*) FILTER (WHERE email NOT LIKE 'seed-%@"+seedDomain+"') FROM users").Scan(&seeded, &others)
	if err != nil {
		return 0, fmt.Errorf("cannot count the seeded users: %w", err)
	}
	switch {
	case others == 0:
		_, err = tx.Exec(ctx, "TRUNCATE "+strings.Join(seedTables(), ", ")+" RESTART IDENTITY")
	case seeded > 0:
		err = deleteSeed(ctx, tx)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot wipe earlier seeds: %w", err)
	}
	return seeded, nil
}

// deleteSeed goes from the leaves to the root, set by set: cascades would go
// row by row.
func deleteSeed(ctx context.Context, tx pgx.Tx) error {
	homes := "SELECT r.id FROM residences r JOIN users u ON u.id = r.owner_id WHERE u.email LIKE 'seed-%@" + seedDomain + "'"
	for _, sql := range []string{
		"DELETE FROM task_completions WHERE task_id IN (SELECT id FROM tasks WHERE residence_id IN (" + homes + "))",
		"DELETE FROM tasks WHERE residence_id IN (" + homes + ")",
		"DELETE FROM contractors WHERE residence_id IN (" + homes + ")",
		"DELETE FROM documents WHERE residence_id IN (" + homes + ")",
		"DELETE FROM residences WHERE id IN (" + homes + ")",
		"DELETE FROM users WHERE email LIKE 'seed-%@" + seedDomain + "'",
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
