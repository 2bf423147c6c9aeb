package lab

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// CreateDatabase makes a database that the app's role owns and returns how to
// reach it; the pooler serves any name. template names a database to copy,
// which must have no connections, "" = an empty one.
func (l *Lab) CreateDatabase(ctx context.Context, name, template string) (Env, error) {
	if template == "" {
		template = "template1"
	}
	statement := fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE %s",
		pgx.Identifier{name}.Sanitize(), pgx.Identifier{appUser}.Sanitize(), pgx.Identifier{template}.Sanitize())
	if l.bin.pgMajor >= 15 {
		// Without fsync ten times as fast as the default there, and what came before.
		statement += " STRATEGY file_copy"
	}
	if err := l.asSuperuser(ctx, statement); err != nil {
		return Env{}, fmt.Errorf("lab: create the database %s: %w", name, err)
	}
	return l.env(name), nil
}

// DropDatabase deletes a database and cuts the connections to it. One that does
// not exist is no error.
func (l *Lab) DropDatabase(ctx context.Context, name string) error {
	statement := fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", pgx.Identifier{name}.Sanitize())
	if err := l.asSuperuser(ctx, statement); err != nil {
		return fmt.Errorf("lab: drop the database %s: %w", name, err)
	}
	return nil
}

func (l *Lab) asSuperuser(ctx context.Context, statement string) error {
	return l.Administer(ctx, "postgres", statement)
}

// Administer runs statements one by one in a database as the superuser, past the pooler and the links: for what the
// app's role may not do, such as moving an extension to another schema.
func (l *Lab) Administer(ctx context.Context, name string, statements ...string) error {
	conn, err := pgx.Connect(ctx, l.superURL(name))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("lab: %s: %w", s, err)
		}
	}
	return nil
}
