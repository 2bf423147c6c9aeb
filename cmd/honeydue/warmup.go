package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/config"
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

func newWarmupCommand(a *app) *cobra.Command {
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
		Args: noArgs,
		RunE: validated(o, func(ctx context.Context) error { return a.warmup(ctx, o) }),
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
		return usagef("Give it a number from 1 on.", "--users is %d", o.users)
	}
	if o.timeout <= 0 {
		return usagef("Give it a duration such as 60s.", "--timeout is %s, which leaves no time to warm anything", o.timeout)
	}
	return nil
}

func (a *app) warmup(ctx context.Context, o *warmupOptions) error {
	database, err := a.pooler()
	if err != nil {
		return err
	}
	redis, err := load(a, config.ParseRedis)
	if err != nil {
		return err
	}
	progress := a.progress("warming up", -1)
	defer progress.Done()
	result := warmup.Run(ctx, warmup.Config{
		Database: store.Config{
			URL: database.URL, ExecMode: database.ExecMode, MaxConns: database.MaxConns, MinIdleConns: database.MinIdleConns,
		},
		DirectURL: database.DirectURL, RedisURL: redis.URL, Users: o.users,
		TargetURL: o.target, Token: a.getenv(o.tokenEnv), Timeout: o.timeout, Progress: progress.Describe,
	})
	progress.Done()
	if err := a.write(result.Document()); err != nil {
		return err
	}
	if result.Failed() {
		return exitWith(exitFailed)
	}
	return nil
}
