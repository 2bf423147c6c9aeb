package loadtestcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/store"
)

const (
	// labDatabase is the load test's own: it is made anew for each run and dropped after it, and nothing else in a lab
	// is touched.
	labDatabase = "honeydue_loadtest"
	// serverGrace is how long the server may drain before it is killed.
	serverGrace = 15 * time.Second
)

// loadtestLab runs everything by itself: a lab, a database with users, a server, the load test. All of it has ended
// when it returns.
func (a command) loadtestLab(ctx context.Context, o *loadtestOptions) error {
	if o.database {
		return a.inLab(ctx, o, a.loadtestLabDatabase)
	}
	return a.inLab(ctx, o, func(ctx context.Context, o *loadtestOptions, env lab.Env, users []bench.User) (err error) {
		s, err := a.newLabServer(o, env)
		if err != nil {
			return err
		}
		defer func() { err = exit.Also(err, s.close()) }()
		if err := s.restart(ctx); err != nil {
			return err
		}
		t := loadtest{options: o, hitter: s.hitter, users: users, restart: s.restart, target: "http://" + s.addr, around: aroundLab(env)}
		t.around.Metrics.URL = "http://" + s.admin + "/metrics"
		return a.runLoadtest(ctx, t)
	})
}

// inLab gives work a lab and a database with o.users users in it, and takes both away when it has ended.
func (a command) inLab(ctx context.Context, o *loadtestOptions, work func(context.Context, *loadtestOptions, lab.Env, []bench.User) error) error {
	return a.withLab(ctx, o, func(ctx context.Context, _ *lab.Lab, env lab.Env, users []bench.User) error {
		return work(ctx, o, env, users)
	})
}

// withLab is inLab for work that also changes the lab.
func (a command) withLab(ctx context.Context, o *loadtestOptions, work func(context.Context, *lab.Lab, lab.Env, []bench.User) error) (err error) {
	l, err := a.StartLab(ctx, "lab", "loadtest", o.data, o.rtt)
	if err != nil {
		return err
	}
	defer func() {
		// Also after Ctrl-C: what was started is stopped.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.LabGrace)
		defer cancel()
		err = exit.Also(err, errors.Join(l.DropDatabase(ending, labDatabase), l.Stop(ending)))
	}()
	env, users, err := a.populate(ctx, l, o.users)
	if err != nil {
		return err
	}
	return work(ctx, l, env, users)
}

// populate makes the load test's database and fills it.
func (a command) populate(ctx context.Context, l *lab.Lab, users int) (lab.Env, []bench.User, error) {
	if err := l.DropDatabase(ctx, labDatabase); err != nil {
		return lab.Env{}, nil, err
	}
	env, err := l.CreateDatabase(ctx, labDatabase, "")
	if err != nil {
		return lab.Env{}, nil, err
	}
	if err := store.Migrate(ctx, env.DirectURL); err != nil {
		return lab.Env{}, nil, err
	}
	var tokens bytes.Buffer
	p := a.Progress("seed", -1)
	defer p.Done()
	if _, err := store.Seed(ctx, env.DirectURL, store.SeedOptions{
		Users: users, TasksPerResidence: 10, Seed: 1, TokensOut: &tokens,
		Progress: func(s store.SeedProgress) {
			p.Describe("seed: " + s.Step)
			p.Set(s.Rows)
		},
	}); err != nil {
		return lab.Env{}, nil, err
	}
	all, err := bench.ReadUsers(&tokens)
	return env, all, err
}

// labServer is `honeydue serve` on the lab, as often as it is restarted, always on the same address.
type labServer struct {
	app    command
	addr   string
	admin  string // the address of metrics and pprof
	env    map[string]string
	hitter *bench.Hitter
	child  *child
}

func (a command) newLabServer(o *loadtestOptions, env lab.Env) (*labServer, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddr()
	if err != nil {
		return nil, err
	}
	hitter, err := a.newHitter(o, &url.URL{Scheme: "http", Host: addr})
	if err != nil {
		return nil, err
	}
	return &labServer{app: a, addr: addr, admin: admin, hitter: hitter, env: map[string]string{
		"DATABASE_URL": env.DatabaseURL, "DATABASE_DIRECT_URL": env.DirectURL, "REDIS_URL": env.RedisURL,
		"REGISTER_LIMIT_PER_ADDRESS": "off", // a scenario registers up to 1,000 users
		// The lab's, and no other: these would overrule or complete the URLs.
		"DB_HOST": "", "DB_PORT": "", "DB_NAME": "", "DB_USER": "", "DB_PASSWORD": "", "DB_SSLMODE": "", "DB_DIRECT_HOST": "",
		"PGSSLROOTCERT": "", "LOG_LEVEL": "warn",
	}}, nil
}

// freeAddr is an address that is free now; the kernel gives its port from a range that it does not hand out again at once.
func freeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return "", fmt.Errorf("find a port for the server: %w", err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return "", fmt.Errorf("find a port for the server: %w", err)
	}
	return addr, nil
}

// restart stops the server, if there is one, starts it, and returns when it is ready.
func (s *labServer) restart(ctx context.Context) error {
	if err := s.stop(); err != nil {
		return err
	}
	c, err := s.app.startChild(s.env, "serve", "--addr", s.addr, "--admin-addr", s.admin, "--drain-delay", "0")
	if err != nil {
		return err
	}
	s.child = c
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return c.until(ctx, func(ctx context.Context) bool {
		_, ready, err := s.hitter.Ask(ctx)
		return err == nil && ready
	})
}

func (s *labServer) stop() error {
	if s.child == nil {
		return nil
	}
	c := s.child
	s.child = nil
	return c.stop(serverGrace)
}

func (s *labServer) close() error {
	s.hitter.Close()
	return s.stop()
}
