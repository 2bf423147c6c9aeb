package store

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/honeydue/honeydue/internal/link"
)

// Config says how to reach the database. The zero value of a field means its
// default, except where said otherwise.
type Config struct {
	// URL of the pooler (or of Postgres itself, in small set-ups).
	URL string
	// ExecMode is exec (default), cache_describe, simple_protocol, and behind
	// no pooler describe_exec or cache_statement as well.
	ExecMode string
	// MaxConns bounds the pool (25). MinIdleConns are opened by Open and kept (20).
	MaxConns, MinIdleConns int32
	// MaxLifetime of a connection (1800 s), plus up to a tenth at random, so
	// that twenty connections of one boot do not expire in one moment.
	MaxLifetime time.Duration
	// MaxIdleTime after which an idle connection above MinIdleConns is closed;
	// 0 is never.
	MaxIdleTime time.Duration
	// HealthCheckPeriod is how often expired connections are replaced (1 min).
	HealthCheckPeriod time.Duration
	// ConnectTimeout bounds one dial with its handshakes (the URL's connect_timeout,
	// or 10 s), AcquireTimeout
	// the wait for a free connection (5 s), StatementTimeout one statement as
	// the client sees it (15 s): statement_timeout of the server would bound
	// neither the pooler's queue nor what is in flight.
	ConnectTimeout, AcquireTimeout, StatementTimeout time.Duration
	// Unwarmed and SplitAuth turn decisions S3 and S8 back, for an experiment
	// only. Unwarmed: Open opens nothing and proves nothing, and the pool has
	// connections only from the first requests on. SplitAuth: a token and its
	// user are looked up by two statements, one after the other.
	Unwarmed, SplitAuth bool
	// Tracer gets every statement; while its span is current the attribute
	// db.turns is set on it. May be nil.
	Tracer pgx.QueryTracer
	// Dials counts connections apart from requests; nil counts privately.
	Dials *link.Dials
	// Meanwhile runs beside Open as soon as one connection can be used: what
	// else a start has to ask costs no turn of its own then. Open waits for it;
	// its context ends when Open fails. It must not ask for the Proof. May be nil.
	Meanwhile func(context.Context, *DB)
	// IdleClosed is called once for each time that a limit is learned: the other end
	// has closed a connection that was idle that long; reason is its message. May be
	// nil.
	IdleClosed func(after time.Duration, reason string)
}

// The tuned values (decision 1, S2).
const (
	DefaultMaxConns     = 25
	DefaultMinIdleConns = 20
	DefaultMaxLifetime  = 1800 * time.Second
	// DefaultStatementTimeout bounds one statement as the client sees it.
	DefaultStatementTimeout = 15 * time.Second
)

// never is what "idle connections are never closed" is to pgxpool, where a
// literal 0 closes every idle connection above MinConns at each health check.
const never = time.Duration(math.MaxInt64)

// execModes are the accepted names, in the order in which errors list them.
var execModes = []struct { //nolint:gochecknoglobals // a table, never written
	name string
	mode pgx.QueryExecMode
	// pooled tells that it is safe behind a pooler in transaction mode: facts
	// are in docs/decisions; describe_exec gave answers that belonged to
	// another client, cache_statement failed every second call.
	pooled bool
}{
	{"exec", pgx.QueryExecModeExec, true},
	{"cache_describe", pgx.QueryExecModeCacheDescribe, true},
	{"simple_protocol", pgx.QueryExecModeSimpleProtocol, true},
	{"cache_statement", pgx.QueryExecModeCacheStatement, false},
	{"describe_exec", pgx.QueryExecModeDescribeExec, false},
}

// ExecModes lists the names that Config.ExecMode accepts; those that are
// unsafe behind a pooler are marked by PooledSafe.
func ExecModes() []string {
	names := make([]string, 0, len(execModes))
	for _, m := range execModes {
		names = append(names, m.name)
	}
	return names
}

// PooledSafe reports whether the mode is safe behind a pooler in transaction
// mode; false for an unknown name.
func PooledSafe(mode string) bool {
	for _, m := range execModes {
		if m.name == mode {
			return m.pooled
		}
	}
	return false
}

func execMode(name string) (pgx.QueryExecMode, error) {
	for _, m := range execModes {
		if m.name == name {
			return m.mode, nil
		}
	}
	return 0, advise("Set DB_EXEC_MODE to one of "+strings.Join(ExecModes(), ", ")+".", "there is no execution mode %q", name)
}

func (c Config) withDefaults() Config {
	setDefault(&c.ExecMode, "exec")
	setDefault(&c.MaxConns, DefaultMaxConns)
	setDefault(&c.MinIdleConns, min(DefaultMinIdleConns, c.MaxConns))
	setDefault(&c.MaxLifetime, DefaultMaxLifetime)
	setDefault(&c.MaxIdleTime, never)
	setDefault(&c.HealthCheckPeriod, time.Minute)
	setDefault(&c.AcquireTimeout, 5*time.Second)
	setDefault(&c.StatementTimeout, DefaultStatementTimeout)
	if c.Dials == nil {
		c.Dials = &link.Dials{}
	}
	return c
}

// opened is how many connections Open opens and the pool keeps.
func (c Config) opened() int32 {
	if c.Unwarmed {
		return 0
	}
	return c.MinIdleConns
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// poolConfig turns c, defaults filled in, into pgxpool's own configuration.
func (c Config) poolConfig() (*pgxpool.Config, error) {
	if c.MinIdleConns > c.MaxConns {
		return nil, advise("Raise DB_MAX_CONNS, or lower DB_MIN_IDLE_CONNS.",
			"%d idle connections do not fit into a pool of %d", c.MinIdleConns, c.MaxConns)
	}
	mode, err := execMode(c.ExecMode)
	if err != nil {
		return nil, err
	}
	if c.Unwarmed && !PooledSafe(c.ExecMode) {
		return nil, advise("Set DB_EXEC_MODE to exec, cache_describe or simple_protocol.",
			"execution mode %s needs proof that there is no pooler, and an unwarmed pool proves nothing", c.ExecMode)
	}
	cc, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, unreadable(mainURLName, err)
	}
	if err := refuseStartupParameters(cc, mainURLName, poolerKnows...); err != nil { // before pgxpool takes its own out
		return nil, err
	}
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, unreadable(mainURLName, err)
	}
	setSession(pc.ConnConfig)
	setConnectTimeout(pc.ConnConfig, c.ConnectTimeout, 10*time.Second)
	pc.ConnConfig.DefaultQueryExecMode = mode
	pc.ConnConfig.StatementCacheCapacity = 512
	pc.ConnConfig.DescriptionCacheCapacity = 512
	pc.MaxConns = c.MaxConns
	// MinConns and not MinIdleConns: the latter would open more connections
	// whenever some are busy, up to the maximum.
	pc.MinConns = c.opened()
	pc.MinIdleConns = 0
	pc.MaxConnLifetime = c.MaxLifetime
	pc.MaxConnLifetimeJitter = c.MaxLifetime / 10
	pc.MaxConnIdleTime = c.MaxIdleTime
	pc.HealthCheckPeriod = c.HealthCheckPeriod
	// pgxpool would ping a connection that was idle for a second: a hidden
	// turn. PrepareConn looks for a received FIN instead, which costs none.
	pc.ShouldPing = neverPing
	return pc, nil
}

// poolerKnows lists the start-up parameters that PgBouncer and its kin track;
// they refuse a connection that sends any other (08P01).
var poolerKnows = []string{ //nolint:gochecknoglobals // a table, never written
	"application_name", "client_encoding", "datestyle", "timezone", "standard_conforming_strings",
}

// refuseStartupParameters names a parameter that would go to the server as it
// is, because pgx does not know it.
func refuseStartupParameters(cc *pgx.ConnConfig, variable string, known ...string) error {
	for name := range cc.RuntimeParams {
		if !slices.Contains(known, strings.ToLower(name)) {
			return advise("Remove it, and set it on the role (ALTER ROLE ... SET ...) if it is needed.",
				"%s or the PG* environment sets the startup parameter %q, which a pooler refuses", variable, name)
		}
	}
	return nil
}

// setConnectTimeout takes what is configured, else the URL's, else the default.
func setConnectTimeout(cc *pgx.ConnConfig, configured, otherwise time.Duration) {
	setDefault(&configured, cc.ConnectTimeout)
	setDefault(&configured, otherwise)
	cc.ConnectTimeout = configured
}

func unreadable(variable string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return advise("Check the files that sslrootcert, sslcert, sslkey and the PGSSL... variables name.", "%s cannot be used: %w", variable, redactURL(err))
	}
	return advise(urlHint, "%s cannot be read: %w", variable, redactURL(err))
}

const urlHint = "Write it as postgres://user:password@host:port/name?sslmode=verify-full."

// redactURL keeps what is wrong with a URL and drops the URL itself.
func redactURL(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return errors.New("it is malformed")
}
