package lab

import "context"

// StopRedis ends Redis, and what it remembers with it.
func (l *Lab) StopRedis(ctx context.Context) error { return l.stopServer(ctx, nameRedis) }

// StartRedis starts Redis again, on its old port and empty.
func (l *Lab) StartRedis(ctx context.Context) error {
	return l.startServer(ctx, nameRedis, l.startRedis)
}

// StopPooler ends PgBouncer. Its link goes on listening: clients are refused.
func (l *Lab) StopPooler(ctx context.Context) error { return l.stopServer(ctx, namePooler) }

// StartPooler starts PgBouncer again, on its old port.
func (l *Lab) StartPooler(ctx context.Context) error {
	return l.startServer(ctx, namePooler, func(ctx context.Context) error {
		up := make(chan struct{})
		close(up)
		return l.startPooler(ctx, up)
	})
}

// StopPostgres ends Postgres in order, cutting every connection.
func (l *Lab) StopPostgres(ctx context.Context) error { return l.stopServer(ctx, namePostgres) }

// StartPostgres starts Postgres again, on its old port and with its data.
func (l *Lab) StartPostgres(ctx context.Context) error {
	return l.startServer(ctx, namePostgres, l.startPostgres)
}

func (l *Lab) stopServer(ctx context.Context, name string) error {
	k := l.child(name)
	if k == nil || !k.running() {
		return nil
	}
	if err := k.stop(ctx); err != nil {
		return err
	}
	return l.save()
}

func (l *Lab) startServer(ctx context.Context, name string, start func(context.Context) error) error {
	if k := l.child(name); k != nil && k.running() {
		return nil
	}
	return start(ctx)
}
