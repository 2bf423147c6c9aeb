package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresConf is the whole postgresql.conf of a lab. Planner and memory stay
// at their defaults, so that plans are those of a small production server.
const postgresConf = `# Written by honeydue at each start of the lab.
listen_addresses = '127.0.0.1'
port = %d
unix_socket_directories = ''
max_connections = %d
ssl = on
ssl_cert_file = '%s'
ssl_key_file = '%s'
password_encryption = 'scram-sha-256'
shared_preload_libraries = '%s'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_checkpoints = off
# A lab can be made again: it need not survive a power cut, and a seed without
# fsync takes seconds. A crash of the lab's processes costs nothing by this.
fsync = off
full_page_writes = off
max_wal_size = '2GB'
`

// noAutovacuum lets autovacuum begin its first round after weeks. It stays switched on: a lab without it would be a
// server with a fault.
const noAutovacuum = `autovacuum_naptime = '2147483s'
`

// postgresHBA asks for a password from everyone. The pooler comes in the plain,
// as inside a data centre; whoever wants TLS gets it.
const postgresHBA = `# Written by honeydue at each start of the lab.
host all all 127.0.0.1/32 scram-sha-256
`

// initialised reports whether the folder holds a database cluster.
func initialised(f folder) bool { return dataMajor(f) != 0 }

// dataMajor is the major version of the Postgres that made the folder's
// cluster, 0 when there is none.
func dataMajor(f folder) int {
	b, err := os.ReadFile(filepath.Join(f.postgres(), "PG_VERSION"))
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return n
}

// initdb makes the cluster. It appears under its name when it is complete, so
// that a crash half-way leaves nothing that looks like one.
func (l *Lab) initdb(ctx context.Context) error {
	if initialised(l.dir) {
		return nil
	}
	l.config.Log.InfoContext(ctx, "making the database cluster", "dir", l.dir.postgres())
	fresh, password := l.dir.path("postgres.new"), l.dir.path("postgres.new.password")
	if err := removeAll(ctx, fresh); err != nil {
		return err
	}
	if err := l.account.ownedDir(fresh); err != nil {
		return err
	}
	if err := l.account.ownedFile(password, []byte(l.secrets.Super+"\n")); err != nil {
		return err
	}
	defer os.Remove(password)

	k, err := startChild(l.guard, l.account, command{
		name: "initdb", dir: fresh, log: l.dir.log("initdb"), dying: syscall.SIGKILL,
		ends: []ending{{syscall.SIGTERM, time.Second}},
		argv: []string{
			l.bin.initdb, "-D", fresh, "-U", superUser, "--pwfile=" + password,
			"-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync",
		},
	}, nil)
	if err != nil {
		return err
	}
	select {
	case <-k.ended:
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("lab: making the database cluster: %w", ctx.Err()), k.stop(ctx))
	}
	if k.err != nil {
		return k.failure()
	}
	// What is there without PG_VERSION is the rest of something else.
	if err := removeAll(ctx, l.dir.postgres()); err != nil {
		return err
	}
	if err := os.Rename(fresh, l.dir.postgres()); err != nil {
		return fmt.Errorf("lab: name the finished cluster: %w", err)
	}
	return nil
}

// removeAll clears away an unfinished cluster. A process that initdb has
// started may write into it for a moment after initdb was killed.
func removeAll(ctx context.Context, path string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		err := os.RemoveAll(path)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.ENOTEMPTY) {
			return fmt.Errorf("lab: clear away an unfinished cluster: %w", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("lab: clear away an unfinished cluster: %w", ctx.Err())
		}
	}
	return advise(chooseDir, "lab: another process writes to %s", path)
}

func (l *Lab) startPostgres(ctx context.Context) error {
	preload := ""
	if hasLibrary(l.bin.pgLib, "pg_stat_statements") {
		preload = "pg_stat_statements"
	}
	data := l.dir.postgres()
	conf := fmt.Sprintf(postgresConf, l.ports.Postgres, maxBackends, l.dir.serverCert(), l.dir.serverKey(), preload)
	if l.config.NoAutovacuum {
		conf += noAutovacuum
	}
	if err := l.account.ownedFile(filepath.Join(data, "postgresql.conf"), []byte(conf)); err != nil {
		return err
	}
	if err := l.account.ownedFile(filepath.Join(data, "pg_hba.conf"), []byte(postgresHBA)); err != nil {
		return err
	}
	return l.start(ctx, command{
		name: namePostgres, argv: []string{l.bin.postgres, "-D", data}, dir: data, log: l.dir.log(namePostgres),
		// SIGINT is Postgres' fast shutdown, SIGQUIT its immediate one.
		dying: syscall.SIGINT,
		ends:  []ending{{syscall.SIGINT, 10 * time.Second}, {syscall.SIGQUIT, 6 * time.Second}},
	}, func(ctx context.Context) error { return ask(ctx, l.superURL("postgres"), "SELECT 1") })
}

// setUp makes what the app finds in production: its role, its database, and
// the extensions that only a superuser may create. The database comes last: if
// it is there, so is the rest.
func (l *Lab) setUp(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, l.superURL("template1"))
	if err != nil {
		return fmt.Errorf("lab: set up the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))

	var done bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&done); err != nil {
		return fmt.Errorf("lab: set up the database: %w", err)
	}
	if done {
		return nil
	}
	rows, err := conn.Query(ctx, "SELECT name FROM pg_available_extensions WHERE name = ANY($1)",
		[]string{"pg_stat_statements", "pg_prewarm", "hypopg"})
	if err != nil {
		return fmt.Errorf("lab: set up the database: %w", err)
	}
	extensions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("lab: set up the database: %w", err)
	}
	var statements []string
	for _, e := range extensions { // in template1, so that every database has them
		statements = append(statements, "CREATE EXTENSION IF NOT EXISTS "+pgx.Identifier{e}.Sanitize())
	}
	role, db := pgx.Identifier{appUser}.Sanitize(), pgx.Identifier{database}.Sanitize()
	statements = append(statements,
		"DROP ROLE IF EXISTS "+role,
		"CREATE ROLE "+role+" LOGIN CREATEDB PASSWORD '"+l.secrets.App+"'", // letters and digits only
		"GRANT pg_monitor TO "+role,
		"CREATE DATABASE "+db+" OWNER "+role,
	)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("lab: set up the database: %w", err)
		}
	}
	return nil
}

// superURL is the cluster's own endpoint, beside link and pooler.
func (l *Lab) superURL(db string) string {
	return postgresURL(superUser, l.secrets.Super, loopback(l.ports.Postgres), db, "")
}

func hasLibrary(dirs []string, name string) bool {
	for _, d := range dirs {
		for _, ext := range []string{".so", ".dylib"} {
			if _, err := os.Stat(filepath.Join(d, name+ext)); err == nil {
				return true
			}
		}
	}
	return false
}

// ask opens a connection and has one statement answered.
func ask(ctx context.Context, url, statement string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // safe at the pooler and its console
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}
