package servecmd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// Limits of one connection. A request as a whole is bounded by the API; these
// bound who talks slowly. readTimeout must not be shorter than a request's
// deadline: net/http cancels a running request when it passes.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute // above the ingress' own 60 s, or it would meet closed connections
	maxHeaderBytes    = 32 << 10
	closeTimeout      = 5 * time.Second // of what is closed after the last request
)

// runServe listens, boots behind the closed gate, serves until ctx ends or
// something breaks, drains and closes everything in reverse order.
func runServe(ctx context.Context, a *app.App, o serveOptions) (err error) {
	tel, err := a.Telemetry(ctx)
	if err != nil {
		return err
	}
	redis.SetLogger(app.RedisLog{Log: tel.Log})
	closing := &closers{}
	defer func() { err = errors.Join(err, closing.close(context.WithoutCancel(ctx))) }()
	closing.add(tel.Shutdown)

	gate := api.NewGate(a.Build.Version, a.Build.Commit)
	public, err := listen(ctx, "addr", o.addr)
	if err != nil {
		return err
	}
	defer public.Close()
	admin, err := listen(ctx, "admin-addr", o.adminAddr)
	if err != nil {
		return err
	}
	defer admin.Close()

	servers := []*http.Server{newHTTPServer(ctx, gate, tel.Log), newHTTPServer(ctx, api.NewAdmin(tel.Registry, gate), tel.Log)}
	servers[1].WriteTimeout = 0 // a CPU profile takes as long as it was asked to
	g, serving := errgroup.WithContext(ctx)
	for i, listener := range []net.Listener{public, admin} {
		g.Go(func() error { return ignoreClosed(servers[i].Serve(listener)) })
	}
	g.Go(func() error {
		server, err := boot(serving, a, o, tel, gate, urlOf(public), closing, g)
		if err == nil {
			<-serving.Done()
		}
		if server != nil {
			server.Drain()
		}
		if err == nil {
			pause(o.drainDelay)
		}
		return errors.Join(err, shutdown(context.WithoutCancel(ctx), o.drainTimeout, servers))
	})
	err = g.Wait()
	if errors.Is(context.Cause(ctx), app.ErrInterrupted) && errors.Is(err, context.Canceled) {
		return nil // stopped while it was starting: as asked
	}
	return err
}

func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, exit.Failedf("End what listens there, or choose another address by --"+flag+".", "cannot listen: %w", err)
	}
	return l, nil
}

func newHTTPServer(ctx context.Context, h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }, // a signal drains, it does not cancel
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// pause is short and is not cut short: the signal that would do it has come.
func pause(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
}

// shutdown lets requests under way end, and cuts them off after the limit.
func shutdown(ctx context.Context, limit time.Duration, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var problems []error
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil {
			problems = append(problems,
				exit.Failedf("Raise --drain-timeout if they were worth waiting for.", "requests were cut off after %s", limit), ignoreClosed(s.Close()))
		}
	}
	return errors.Join(problems...)
}

// urlOf is where a person reaches the listener from this machine.
func urlOf(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "http://" + l.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// closers are closed in reverse order, all of them.
type closers struct{ list []func(context.Context) error }

func (c *closers) add(f func(context.Context) error) { c.list = append(c.list, f) }

func (c *closers) close(ctx context.Context) error {
	var problems []error
	for i := len(c.list) - 1; i >= 0; i-- {
		bounded, cancel := context.WithTimeout(ctx, closeTimeout)
		problems = append(problems, c.list[i](bounded))
		cancel()
	}
	return errors.Join(problems...)
}
