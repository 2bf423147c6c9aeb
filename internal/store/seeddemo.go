package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Demo is a login for a household to look at.
type Demo struct {
	Email, Password string
}

// DemoEmail is the account that SeedDemo makes.
const DemoEmail = "demo@demo.example"

const demoPartnerEmail = "partner@demo.example"

// SeedDemo makes a small household, two homes shared by two people, with
// something in every column of the board, and gives it a random password.
// Where it exists already it only gets a new password.
func SeedDemo(ctx context.Context, directURL string) (Demo, error) {
	demo := Demo{Email: DemoEmail, Password: rand.Text()[:16]}
	hash, err := seedPasswordHash(demo.Password)
	if err != nil {
		return Demo{}, err
	}
	conn, err := connectDirect(ctx, directURL)
	if err != nil {
		return Demo{}, err
	}
	defer closeConn(ctx, conn)
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var id int64
		err := tx.QueryRow(ctx, `UPDATE users SET password_hash = $2 WHERE lower(email COLLATE "C") = $1 RETURNING id`, DemoEmail, hash).Scan(&id)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return seedDemoIn(ctx, tx, hash)
	})
	if err != nil {
		return Demo{}, fmt.Errorf("store: the demo household could not be created: %w", err)
	}
	return demo, nil
}

func seedDemoIn(ctx context.Context, tx pgx.Tx, passwordHash string) error {
	o := SeedOptions{Users: 2, ResidencesPerUser: 1, TasksPerResidence: 20, CompletionsPerTask: 2, Seed: 7, Today: time.Now()}.withDefaults()
	p := newPlan(o)
	for i := range p.homes {
		p.homes[i].owner, p.homes[i].members = 0, []int32{1}
	}
	p.members = len(p.homes)
	m := newRowMaker(p, passwordHash)
	m.emails = []string{DemoEmail, demoPartnerEmail}
	if err := m.reserve(ctx, tx); err != nil {
		return err
	}
	_, err := m.copyAll(ctx, tx)
	return err
}
