package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/honeydue/honeydue/internal/link"
)

// DB is the database behind its pool.
type DB struct {
	pool   *pgxpool.Pool
	cfg    Config
	proof  Proof
	boot   *boot
	tracer *poolTracer
	idle   *idleWatch
	queue  poolerQueue

	retried  atomic.Int64
	readOnly readOnlyServers
}

// Proof is what Open has learnt about the way to the database.
type Proof struct {
	ThroughPooler bool
	// How says in one sentence how that was proved.
	How      string
	ExecMode string
	// Conns were opened, each of them used once.
	Conns int
	// Took is the time from the start of Open to the last connection's proof.
	Took time.Duration
	// Warnings are settings of the server that the service should not run with.
	Warnings []*SettingProblem
	// Turns is the critical path: the most turns that one connection took, TCP
	// handshake and proof included.
	Turns int64
}

var poolProof = Query{
	Name: "pool_proof",
	SQL: `/* pool_proof */ SELECT pg_backend_pid(), json_build_object(
	'role', current_user, 'database', current_database(), 'tables', to_regclass('tasks') IS NOT NULL AND to_regclass('changes') IS NOT NULL,
	'settings', (SELECT json_object_agg(name, setting) FROM pg_settings WHERE name IN ('client_encoding', 'DateStyle', 'TimeZone',
		'standard_conforming_strings', 'server_encoding', 'search_path', 'default_transaction_read_only', 'default_transaction_isolation',
		'synchronous_commit', 'session_replication_role', 'statement_timeout', 'lock_timeout', 'transaction_timeout')))`,
	Sample: func(Subject) []any { return nil },
}

// Open opens MinIdleConns connections in parallel and uses each once, so that
// neither the pool nor the pooler behind it is cold when Open returns. That
// first statement asks for the backend's PID: if it is not the one announced
// at start-up (or, on Neon, by the host's name: see ThroughPooler), a pooler
// is in between, and an execution mode that is unsafe there is refused. An
// error names the host and never the password. The caller closes the DB.
func Open(ctx context.Context, c Config) (*DB, error) {
	return openWith(ctx, c, func(*pgxpool.Config) {})
}

// openWith lets a test change the pool's configuration.
func openWith(ctx context.Context, c Config, change func(*pgxpool.Config)) (*DB, error) {
	began := time.Now()
	c = c.withDefaults()
	pc, err := c.poolConfig()
	if err != nil {
		return nil, err
	}
	boot := newBoot(ctx, int(c.opened()), pc.ConnConfig.ConnectTimeout)
	pc.ConnConfig.DialFunc = boot.abortable(c.Dials.Wrap(newDialer().DialContext))
	tracer := newPoolTracer(c.Tracer, boot.fail)
	pc.ConnConfig.Tracer = tracer
	pc.AfterConnect = boot.prove
	idle := newIdleWatch(c.IdleClosed)
	idle.watch(pc)
	db := &DB{cfg: c, boot: boot, tracer: tracer, idle: idle}
	pc.ConnConfig.OnNotice = db.queue.heard
	change(pc)
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("store: cannot make the pool: %w", err)
	}
	db.pool = pool
	db.readOnly.opened = &tracer.opened
	meanwhile := db.meanwhile(ctx)
	err = boot.wait(ctx, func(p proved, first bool) {
		if db.proof.add(p); first {
			db.proof.Warnings = p.settings.warnings(c.StatementTimeout)
			meanwhile.begin()
		}
	})
	db.proof.Took = time.Since(began)
	meanwhile.end(err != nil)
	if err != nil {
		boot.abort()
		pool.Close()
		return nil, connectFailure(pc.ConnConfig, mainURLName, err)
	}
	db.proof.ExecMode = c.ExecMode
	if c.Unwarmed {
		db.proof.How = "nothing was proved: no connection was opened at the start, for an experiment"
	}
	if db.proof.ThroughPooler && !PooledSafe(c.ExecMode) {
		db.Close()
		return nil, advise("Set DB_EXEC_MODE to exec, cache_describe or simple_protocol.",
			"execution mode %s is unsafe through the pooler at %s: %s", c.ExecMode, addressOf(pc.ConnConfig), db.proof.How)
	}
	idle.use()
	idle.start(ctx, db)
	return db, nil
}

// Proof is what Open has learnt.
func (db *DB) Proof() Proof { return db.proof }

// Dials counts this pool's connections.
func (db *DB) Dials() *link.Dials { return db.cfg.Dials }

// Close closes every connection; it waits for statements under way.
func (db *DB) Close() {
	db.idle.end()
	db.pool.Close()
	db.boot.abort()
}

// boot watches the first connections of a pool, which pgxpool opens in the
// background and whose errors it drops.
type boot struct {
	want     int
	patience time.Duration // for one proof
	over     atomic.Bool
	proved   chan proved
	failed   chan error
	aborted  context.Context //nolint:containedctx // ends the boot's dials, not a call's
	abort    context.CancelFunc
}

type proved struct {
	host               string
	announced, backend uint32
	settings           serverSettings
	turns              int64
}

func newBoot(ctx context.Context, want int, patience time.Duration) *boot {
	b := &boot{want: want, patience: patience, proved: make(chan proved, want), failed: make(chan error, 1)}
	b.aborted, b.abort = context.WithCancel(context.WithoutCancel(ctx))
	return b
}

// fail keeps the first error: pgxpool cancels the other connects after it.
func (b *boot) fail(err error) {
	select {
	case b.failed <- err:
	default:
	}
}

// abortable lets a failed boot end its dials at once: closing a pool waits for
// the connections that are being made.
func (b *boot) abortable(dial link.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if b.over.Load() {
			return dial(ctx, network, addr)
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(b.aborted, cancel)() //nolint:contextcheck // the boot has an end of its own
		c, err := dial(ctx, network, addr)
		if err == nil {
			context.AfterFunc(b.aborted, func() { _ = c.Close() }) //nolint:contextcheck // as above
		}
		return c, err
	}
}

// prove is pgxpool's AfterConnect. After the boot it only ends the connecting
// phase of the meter.
func (b *boot) prove(ctx context.Context, c *pgx.Conn) error {
	registerTypes(c.TypeMap())
	m, metered := link.Of(c.PgConn().Conn())
	if metered {
		defer m.Ready()
	}
	if b.over.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	results, err := c.PgConn().Exec(ctx, poolProof.SQL).ReadAll()
	if err == nil && (len(results) != 1 || len(results[0].Rows) != 1) {
		err = errors.New("no answer to pg_backend_pid()")
	}
	if err != nil {
		b.fail(err)
		return err
	}
	p, err := readProof(results[0].Rows[0])
	if err != nil {
		b.fail(err)
		return err
	}
	p.host, p.announced = c.Config().Host, c.PgConn().PID()
	if metered {
		p.turns = m.ConnectTurns()
	}
	select {
	case b.proved <- p:
	default: // more than were asked for: a burst during the boot
	}
	return nil
}

func readProof(row [][]byte) (proved, error) {
	pid, err := strconv.ParseUint(string(row[0]), 10, 32)
	if err != nil {
		return proved{}, fmt.Errorf("pg_backend_pid() is not a number: %w", err)
	}
	settings, err := readSettings(row[1])
	if err == nil {
		err = settings.refuse()
	}
	return proved{backend: uint32(pid), settings: settings}, err
}

// wait returns when each connection is proved, and calls add for each.
func (b *boot) wait(ctx context.Context, add func(p proved, first bool)) error {
	defer b.over.Store(true)
	for i := range b.want {
		select {
		case p := <-b.proved:
			add(p, i == 0)
		case err := <-b.failed:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// meanwhile is Config.Meanwhile under way.
type meanwhile struct {
	begin func()
	end   func(failed bool) // returns when it has ended; failed: nobody needs it any more
}

func (db *DB) meanwhile(ctx context.Context) meanwhile {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	return meanwhile{
		begin: func() {
			unsafe := db.proof.ThroughPooler && !PooledSafe(db.cfg.ExecMode)
			if db.cfg.Meanwhile == nil || unsafe {
				return
			}
			wg.Go(func() {
				if db.idles(ctx) {
					db.cfg.Meanwhile(ctx, db)
				}
			})
		},
		end: func(failed bool) {
			if failed {
				cancel()
			}
			wg.Wait()
			cancel()
		},
	}
}

// idles waits until the pool has a connection to lend: a moment after its
// proof. Who asks before that makes the pool dial one more.
func (db *DB) idles(ctx context.Context) bool {
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for db.pool.Stat().IdleConns() == 0 {
		select {
		case <-again.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (p *Proof) add(c proved) {
	p.Conns++
	p.Turns = max(p.Turns, c.turns)
	if p.ThroughPooler {
		return // one is enough
	}
	p.ThroughPooler, p.How = ThroughPooler(c.host, c.announced, c.backend)
}
