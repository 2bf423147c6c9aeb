package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/honeydue/honeydue/internal/link"
)

// Lab is a running replica. Its methods are safe for concurrent use.
type Lab struct {
	config  Config
	dir     folder
	account account
	bin     binaries
	secrets secrets
	guard   guard
	lock    *os.File
	mine    bool // the state file is this lab's
	began   time.Time
	died    chan error // the first server that ended by itself

	mu       sync.Mutex
	ports    ports
	children map[string]*child
	pooler   *link.Proxy
	direct   *link.Proxy
	ready    bool
	stopped  bool
}

// Start runs a lab in its folder, which is made on first use, and returns when
// a real connection to each server has been answered. ctx bounds the start
// only: the lab runs until Stop, and its servers end with this process at the
// latest. Errors: MissingError when a server is not installed, LockedError when
// the folder has a lab running, ServerError when a server gives up.
func Start(ctx context.Context, c Config) (*Lab, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a, err := serverAccount()
	if err != nil {
		return nil, err
	}
	f, err := open(c.Dir, a)
	if err != nil {
		return nil, err
	}
	held, err := lock(f)
	if err != nil {
		return nil, err
	}
	l := &Lab{
		config: c.withDefaults(), dir: f, account: a, lock: held, began: time.Now(),
		died: make(chan error, 1), children: map[string]*child{},
	}
	if err := l.run(ctx); err != nil {
		return nil, errors.Join(err, l.Stop(context.WithoutCancel(ctx)))
	}
	return l, nil
}

func (l *Lab) run(ctx context.Context) error {
	last, err := readRecord(l.dir)
	if err != nil {
		return err
	}
	if err := recoverFolder(ctx, l.dir, last); err != nil {
		return err
	}
	// From here on the folder is this process's to describe.
	l.ports, l.mine = last.Ports, true
	if err := l.save(); err != nil {
		return err
	}
	if l.bin, err = find(ctx, l.config.BinDirs, dataMajor(l.dir)); err != nil {
		return err
	}
	if l.secrets, err = loadSecrets(l.dir); err != nil {
		return err
	}
	if err := certificates(l.dir, l.account, time.Now()); err != nil {
		return err
	}
	if l.guard, err = l.config.newGuard(); err != nil {
		return err
	}
	if err := l.initdb(ctx); err != nil {
		return err
	}
	if err := l.startServers(ctx); err != nil {
		return err
	}
	if err := l.openLinks(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	l.ready = true
	for _, k := range l.children {
		if !k.running() {
			err = k.failure()
		}
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	l.config.Log.InfoContext(ctx, "the lab is ready", "took", time.Since(l.began).Round(time.Millisecond), "dir", string(l.dir))
	return l.save()
}

// startServers starts the three side by side. A port that was free a moment
// ago may be taken by the time a server wants it; then all begin again with
// others.
func (l *Lab) startServers(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		p, err := choosePorts(ctx, l.ports)
		if err != nil {
			return err
		}
		l.ports = p
		if err = l.startOnPorts(ctx); err == nil {
			return nil
		}
		if stopErr := l.stopServers(ctx); stopErr != nil {
			return errors.Join(err, stopErr)
		}
		if attempt == 3 || ctx.Err() != nil || !l.ports.taken(ctx) {
			return err
		}
	}
}

func (l *Lab) startOnPorts(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	postgresReady := make(chan struct{})
	g.Go(func() error {
		if err := l.startPostgres(ctx); err != nil {
			return err
		}
		if err := l.setUp(ctx); err != nil {
			return err
		}
		close(postgresReady)
		return nil
	})
	g.Go(func() error { return l.startPooler(ctx, postgresReady) })
	g.Go(func() error { return l.startRedis(ctx) })
	return g.Wait()
}

// start runs one server until it answers.
func (l *Lab) start(ctx context.Context, c command, ask func(context.Context) error) error {
	k, err := startChild(l.guard, l.account, c, l.serverDied)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.children[c.name] = k
	l.mu.Unlock()
	// At once: a crash from here on has to find this process in the record.
	if err := l.save(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return k.ready(ctx, ask)
}

// serverDied tells Wait. Before the lab is ready, whoever waits for the server
// finds out.
func (l *Lab) serverDied(k *child) {
	l.mu.Lock()
	ready := l.ready
	l.mu.Unlock()
	if !ready {
		return
	}
	select {
	case l.died <- k.failure():
	default: // one is enough
	}
}

func (l *Lab) openLinks(ctx context.Context) error {
	var err error
	if l.pooler, err = openLink(ctx, l.ports.PoolerLink, l.ports.Pooler, l.config.model()); err != nil {
		return err
	}
	if l.direct, err = openLink(ctx, l.ports.DirectLink, l.ports.Postgres, l.config.model()); err != nil {
		return err
	}
	l.ports.PoolerLink, l.ports.DirectLink = portOf(l.pooler), portOf(l.direct)
	return nil
}

// openLink listens on the port of the last time, if it can.
func openLink(ctx context.Context, port, target int, m link.Model) (*link.Proxy, error) {
	if port != 0 {
		if p, err := link.Listen(ctx, loopback(port), loopback(target), m); err == nil {
			return p, nil
		}
	}
	return link.Listen(ctx, loopback(0), loopback(target), m)
}

// Dir is the data folder, its true path.
func (l *Lab) Dir() string { return string(l.dir) }

// Env is how programs reach the lab.
func (l *Lab) Env() Env { return l.env(database) }

func (l *Lab) env(db string) Env {
	return Env{
		DatabaseURL: l.appURL(l.pooler.Addr(), db),
		DirectURL:   l.appURL(l.direct.Addr(), db),
		RedisURL:    redisURL(l.secrets.Redis, loopback(l.ports.Redis)),
		AdminURL:    l.consoleURL(),
	}
}

// Pooler is the link in front of PgBouncer: an outside counting proxy.
func (l *Lab) Pooler() *link.Proxy { return l.pooler }

// Direct is the link in front of Postgres.
func (l *Lab) Direct() *link.Proxy { return l.direct }

// PoolerAddr is the pooler's own endpoint, on no link: a target for a test's
// own proxy.
func (l *Lab) PoolerAddr() string { return loopback(l.ports.Pooler) }

// PostgresAddr is Postgres' own endpoint, on no link.
func (l *Lab) PostgresAddr() string { return loopback(l.ports.Postgres) }

// RedisAddr is Redis' endpoint.
func (l *Lab) RedisAddr() string { return loopback(l.ports.Redis) }

// PoolerVersion is the major and minor version of the PgBouncer that runs.
func (l *Lab) PoolerVersion() [2]int { return l.bin.poolerVersion }

// Wait returns nil when ctx ends, and a ServerError as soon as a server has
// ended that nobody stopped.
func (l *Lab) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.died:
		return err
	}
}

// Stop ends links and servers in order and gives the folder back. ctx shortens
// the waiting; the servers are ended in any case. A second Stop does nothing.
func (l *Lab) Stop(ctx context.Context) error {
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		return nil
	}
	l.stopped, l.ready = true, false
	l.mu.Unlock()

	var errs []error
	for _, p := range []*link.Proxy{l.pooler, l.direct} { // first: servers end faster without clients
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	errs = append(errs, l.stopServers(ctx))
	if l.guard != nil {
		errs = append(errs, l.guard.close())
	}
	if l.mine {
		errs = append(errs, l.save())
	}
	if err := l.lock.Close(); err != nil {
		errs = append(errs, fmt.Errorf("lab: give the data folder back: %w", err))
	}
	return errors.Join(errs...)
}

func (l *Lab) stopServers(ctx context.Context) error {
	l.mu.Lock()
	children := make([]*child, 0, len(l.children))
	for _, k := range l.children {
		children = append(children, k)
	}
	l.mu.Unlock()
	errs := make([]error, len(children))
	var wg sync.WaitGroup
	for i, k := range children {
		wg.Go(func() { errs[i] = k.stop(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// child returns a server that was started, nil if it never was.
func (l *Lab) child(name string) *child {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.children[name]
}

// save writes the folder's state file.
func (l *Lab) save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := record{
		Ready: l.ready, StartedAt: l.began, Model: l.config.model(), PoolSize: l.config.PoolSize,
		Ports: l.ports, Servers: map[string]process{},
	}
	if !l.stopped {
		r.Keeper = self()
	}
	for name, k := range l.children {
		if k.running() {
			r.Servers[name] = k.process
		}
	}
	if l.ready {
		r.Env = l.env(database)
	}
	return r.write(l.dir)
}
