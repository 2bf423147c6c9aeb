package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	File      string
	Applied   bool
	AppliedAt time.Time // zero when it is not applied
	// Changed tells that the call which returned this has applied it or taken
	// it back.
	Changed bool
}

// Migrate brings the schema to the newest version; see MigrateUp.
func Migrate(ctx context.Context, directURL string) error {
	_, err := MigrateUp(ctx, directURL)
	return err
}

// MigrateUp brings the schema to the newest version and lists every step, the
// oldest first. It needs the direct endpoint: a pooler is refused. Two
// migrators at once are safe, the second waits for the first. A
// *MigrationError tells the file and the line.
func MigrateUp(ctx context.Context, directURL string) ([]Migration, error) {
	return migrate(ctx, directURL, func(p *goose.Provider) ([]*goose.MigrationResult, error) { return p.Up(ctx) })
}

// MigrateDown takes the newest applied step back, with the data in it, and
// lists every step.
func MigrateDown(ctx context.Context, directURL string) ([]Migration, error) {
	return migrate(ctx, directURL, func(p *goose.Provider) ([]*goose.MigrationResult, error) {
		step, err := p.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil, advise("There is nothing to do.", "no migration is applied, so there is none to revert")
		}
		return []*goose.MigrationResult{step}, err
	})
}

// MigrationStatus lists every step, the oldest first.
func MigrationStatus(ctx context.Context, directURL string) ([]Migration, error) {
	return migrate(ctx, directURL, func(*goose.Provider) ([]*goose.MigrationResult, error) { return nil, nil })
}

func migrate(ctx context.Context, directURL string, do func(*goose.Provider) ([]*goose.MigrationResult, error)) ([]Migration, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	return migrateWith(ctx, directURL, files, do)
}

func migrateWith(ctx context.Context, directURL string, files fs.FS, do func(*goose.Provider) ([]*goose.MigrationResult, error)) ([]Migration, error) {
	var steps []Migration
	err := withProvider(ctx, directURL, files, func(p *goose.Provider) error {
		done, err := do(p)
		if err != nil {
			return err
		}
		all, err := p.Status(ctx)
		for _, s := range all {
			steps = append(steps, Migration{
				Version: s.Source.Version, File: path.Base(s.Source.Path),
				Applied: s.State == goose.StateApplied, AppliedAt: s.AppliedAt,
				Changed: slices.ContainsFunc(done, func(d *goose.MigrationResult) bool { return d.Source.Version == s.Source.Version }),
			})
		}
		return err
	})
	return steps, err
}

// migrationLock waits up to ten minutes for another migrator: a long index
// build is no reason to fail a deployment.
func migrationLock() (lock.SessionLocker, error) {
	return lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
}

func withProvider(ctx context.Context, directURL string, files fs.FS, do func(*goose.Provider) error) error {
	cc, err := directConfig(directURL)
	if err != nil {
		return err
	}
	if err := refusePooler(ctx, cc); err != nil {
		return err
	}
	failed := &failedStatement{}
	cc.Tracer, cc.AfterConnect = failed, withoutTimeouts
	db := stdlib.OpenDB(*cc)
	defer db.Close()
	locker, err := migrationLock()
	if err != nil {
		return fmt.Errorf("store: cannot make the migration lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("store: the embedded migrations cannot be read: %w", err)
	}
	if err := do(p); err != nil {
		return migrationError(files, failed.text(), err)
	}
	return nil
}
