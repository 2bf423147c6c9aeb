// Package warmupcmd is the command warmup.
package warmupcmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/store"
	"github.com/honeydue/honeydue/internal/warmup"
)

// warmupOptions are the flags of warmup.
type warmupOptions struct {
	target   string
	tokenEnv string
	users    int
	timeout  time.Duration
}

// New is the command warmup.
func New(a *app.App) *cobra.Command {
	o := &warmupOptions{}
	cmd := &cobra.Command{
		Use:   "warmup",
		Short: "Wake database, pool and caches before a user meets them cold",
		Long: `warmup wakes a suspended database, makes the pooler open its server connections, loads index and heap pages
(pg_prewarm, where it is installed), runs every hot statement on every connection, fills Redis for the most recently
active users, and asks a running server for its first read. It prints what each step took before and after.

The read asked of the server is authed if the environment variable named by --token-env holds a user's token; else
/readyz is asked. A token is never taken as an argument, where others could see it.`,
		Example: `  honeydue warmup
  honeydue warmup --target http://honeydue --users 1000
  HONEYDUE_TOKEN=... honeydue warmup --target http://honeydue -o json`,
		Args: app.NoArgs,
		RunE: app.Validated(o, func(ctx context.Context) error { return run(ctx, a, o) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.target, "target", "", "ask the running server at this `URL` for its first read")
	flags.StringVar(&o.tokenEnv, "token-env", "HONEYDUE_TOKEN", "the `VARIABLE` that holds the token for that read")
	flags.IntVar(&o.users, "users", warmup.DefaultUsers, "how many of the most recently active users are put into Redis")
	flags.DurationVar(&o.timeout, "timeout", warmup.DefaultTimeout, "how long the whole warm-up may take")
	return cmd
}

// Validate refuses flags that make no sense.
func (o *warmupOptions) Validate() error {
	if o.users < 1 {
		return exit.Usagef("Give it a number from 1 on.", "--users is %d", o.users)
	}
	if o.timeout <= 0 {
		return exit.Usagef("Give it a duration such as 60s.", "--timeout is %s, which leaves no time to warm anything", o.timeout)
	}
	return nil
}

func run(ctx context.Context, a *app.App, o *warmupOptions) error {
	database, redis, err := a.PoolerAndRedis()
	if err != nil {
		return err
	}
	progress := a.Progress("warming up", -1)
	defer progress.Done()
	result := warmup.Run(ctx, warmup.Config{
		Database: store.Config{
			URL: database.URL, ExecMode: database.ExecMode, MaxConns: database.MaxConns, MinIdleConns: database.MinIdleConns,
		},
		DirectURL: database.DirectURL, RedisURL: redis.URL, Users: o.users,
		TargetURL: o.target, Token: a.Getenv(o.tokenEnv), Timeout: o.timeout, Progress: progress.Describe,
	})
	progress.Done()
	if err := a.Write(result.Document()); err != nil {
		return err
	}
	if result.Failed() {
		return exit.With(exit.Failed)
	}
	return nil
}
