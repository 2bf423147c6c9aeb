package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/jackc/pgx/v5"
)

// SeedOptions say what to generate. The zero value of a number means its default.
type SeedOptions struct {
	Users int // 5,000
	// ResidencesPerUser, TasksPerResidence and CompletionsPerTask are means (2,
	// 30 and 3): sizes are skewed, a few users have ten residences and 2,000
	// tasks, and some have nothing. The sums are exact.
	ResidencesPerUser, TasksPerResidence, CompletionsPerTask int
	// Seed of the generator: the same options, seed and day give the same rows,
	// and on an empty database the same ids. Tokens and the salt of the
	// password's hash are excepted, for they guard something.
	Seed uint64
	// Today is the day from which dates count, so that the columns of the board
	// are filled: that of time.Now in UTC when zero.
	Today time.Time
	// Password of every seeded user; they share one hash, for 5,000 would take
	// minutes. Without one nobody can log in as a seeded user.
	Password string
	// TokensOut gets one "user_id token" a line; without it no tokens are made.
	TokensOut io.Writer
	// Wipe removes what earlier seeds made, before anything is made.
	Wipe bool
	// Progress is told now and then; may be nil.
	Progress func(SeedProgress)
}

// SeedProgress is how far a seed has come.
type SeedProgress struct {
	Step     string // wipe, the name of a table, or analyze
	Rows, Of int64
}

// SeededTable is what a seed has put into one table.
type SeededTable struct {
	Table string
	Rows  int64
	Took  time.Duration
}

// SeedResult is what a seed has done.
type SeedResult struct {
	Tables []SeededTable
	Wiped  int64 // seeded users removed first
	Rows   int64
	Took   time.Duration // VACUUM ANALYZE included
}

// ErrSeeded means that seeded users already exist.
var ErrSeeded = errors.New("seeded users already exist")

func (o SeedOptions) withDefaults() SeedOptions {
	setDefault(&o.Users, 5000)
	setDefault(&o.ResidencesPerUser, 2)
	setDefault(&o.TasksPerResidence, 30)
	setDefault(&o.CompletionsPerTask, 3)
	if o.Today.IsZero() {
		o.Today = time.Now()
	}
	o.Today = o.Today.UTC().Truncate(day)
	if o.Progress == nil {
		o.Progress = func(SeedProgress) {}
	}
	return o
}

// Seed fills the database by COPY over the direct endpoint, in one
// transaction: when it fails, nothing of it is there (with Wipe: what was there
// before is). Writers wait until it is over. It ends with VACUUM ANALYZE.
func Seed(ctx context.Context, directURL string, o SeedOptions) (SeedResult, error) {
	began := time.Now()
	o = o.withDefaults()
	hash, err := seedPasswordHash(o.Password)
	if err != nil {
		return SeedResult{}, err
	}
	conn, err := connectDirect(ctx, directURL)
	if err != nil {
		return SeedResult{}, err
	}
	defer closeConn(ctx, conn)
	var result SeedResult
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		result, err = seedIn(ctx, tx, o, hash)
		return err
	})
	if err != nil {
		return SeedResult{}, seedError(ctx, err)
	}
	o.Progress(SeedProgress{Step: "analyze"})
	if _, err := conn.Exec(ctx, "VACUUM (ANALYZE) "+strings.Join(seedTables(), ", ")); err != nil {
		return result, advise("Run VACUUM (ANALYZE) by hand.", "the rows are stored, but VACUUM ANALYZE failed: %w", err)
	}
	result.Took = time.Since(began)
	return result, nil
}

func seedError(ctx context.Context, err error) error {
	if errors.Is(err, ErrSeeded) {
		return advise("Add --wipe to replace them.", "%w", err)
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err) // the connection can tell of its end before the context is asked
	}
	return fmt.Errorf("store: the seed failed and was rolled back: %w", err)
}

func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// noPassword is no argon2id hash, so that no password matches it.
const noPassword = "!"

func seedPasswordHash(password string) (string, error) {
	if password == "" {
		return noPassword, nil
	}
	hash, err := argon2id.CreateHash(password, argon2id.DefaultParams)
	if err != nil {
		return "", fmt.Errorf("store: cannot hash the password of the seeded users: %w", err)
	}
	return hash, nil
}

// seedTables are all tables that a seed touches, parents first.
func seedTables() []string {
	return []string{
		"users", "auth_tokens", "residences", "residence_users", "share_codes",
		"tasks", "task_completions", "contractors", "documents",
	}
}

func seedIn(ctx context.Context, tx pgx.Tx, o SeedOptions, passwordHash string) (SeedResult, error) {
	var result SeedResult
	if err := noteEverything(ctx, tx); err != nil {
		return result, err
	}
	if o.Wipe {
		o.Progress(SeedProgress{Step: "wipe"})
		wiped, err := wipeSeed(ctx, tx)
		if err != nil {
			return result, err
		}
		result.Wiped = wiped
	}
	if err := refuseSeeded(ctx, tx); err != nil {
		return result, err
	}
	m := newRowMaker(newPlan(o), passwordHash)
	if err := m.reserve(ctx, tx); err != nil {
		return result, err
	}
	tables, err := m.copyAll(ctx, tx)
	result.Tables = tables
	for _, t := range tables {
		result.Rows += t.Rows
	}
	return result, err
}

// noteEverything says in the change log that whatever anybody sees may change,
// and keeps the triggers from saying it once more for each table.
func noteEverything(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "INSERT INTO changes (write_id, what) SELECT set_config('honeydue.write_id', gen_random_uuid()::text, true)::uuid, 'everything'")
	if err != nil {
		return fmt.Errorf("cannot write to the change log: %w", err)
	}
	return nil
}

// reserve takes a range of ids in each table, right after the largest one.
// The lock keeps others from taking ids of that range.
func (m *rowMaker) reserve(ctx context.Context, tx pgx.Tx) error {
	m.first = map[string]int64{}
	if _, err := tx.Exec(ctx, "LOCK TABLE "+strings.Join(seedTables(), ", ")+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
		return fmt.Errorf("cannot lock the tables: %w", err)
	}
	counts := map[string]int{
		"users": m.opts.Users, "residences": len(m.homes), "tasks": len(m.tasks), "task_completions": m.completions,
		"contractors": len(m.contractors), "documents": len(m.documents),
	}
	for table, n := range counts {
		var base int64
		err := tx.QueryRow(ctx, "SELECT COALESCE(max(id), 0) FROM "+table).Scan(&base)
		if err == nil && base+int64(n) > 0 {
			_, err = tx.Exec(ctx, "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)", table, base+int64(n))
		}
		if err != nil {
			return fmt.Errorf("cannot reserve ids of table %s: %w", table, err)
		}
		m.first[table] = base
	}
	return nil
}

func refuseSeeded(ctx context.Context, tx pgx.Tx) error {
	var there bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM users WHERE email LIKE 'seed-%@"+seedDomain+"')").Scan(&there)
	if err == nil && there {
		err = ErrSeeded
	}
	return err
}
