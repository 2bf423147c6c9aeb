package store

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// directTimeout bounds one connect, and one answer of the pooler's test.
const directTimeout = 15 * time.Second

// directConfig reads a URL of the direct endpoint.
func directConfig(directURL string) (*pgx.ConnConfig, error) {
	if strings.TrimSpace(directURL) == "" {
		return nil, advise("Set DATABASE_DIRECT_URL (or DB_DIRECT_HOST) to the endpoint without the pooler: it is never guessed.", "there is no direct database URL")
	}
	cc, err := pgx.ParseConfig(directURL)
	if err != nil {
		return nil, unreadable(directURLName, err)
	}
	if err := refuseStartupParameters(cc, directURLName, slices.Concat(poolerKnows, []string{"options"})...); err != nil {
		return nil, err
	}
	setSession(cc)
	cc.DialFunc = newDialer().DialContext
	setConnectTimeout(cc, 0, directTimeout)
	return cc, nil
}

// connectDirect opens one connection to the direct endpoint; a pooler is refused.
func connectDirect(ctx context.Context, directURL string) (*pgx.Conn, error) {
	cc, err := directConfig(directURL)
	if err != nil {
		return nil, err
	}
	if err := refusePooler(ctx, cc); err != nil {
		return nil, err
	}
	cc.AfterConnect = withoutTimeouts
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, connectFailure(cc, directURLName, err)
	}
	return conn, nil
}

// refusePooler finds out whether sessions are shared out statement by
// statement: there a lock of the session belongs to whoever comes next, and a
// migration's lock would lock nothing.
//
// Where the backend is the one announced at start-up, nobody is in between.
// Where it is not, a proxy is; it is refused if two open sessions are seen in
// one backend, or one session moves from a backend to another. A proxy that
// keeps each session in its backend passes.
func refusePooler(ctx context.Context, cc *pgx.ConnConfig) error {
	first, err := backendOf(ctx, cc)
	if err != nil {
		return err
	}
	defer first.close(ctx)
	if first.conn.PgConn().PID() == first.pid {
		return nil
	}
	second, err := backendOf(ctx, cc)
	if err != nil {
		return err
	}
	defer second.close(ctx)
	// In a transaction the second session holds its backend; the first one has
	// to move if it had the same one in turns.
	if err := second.ask(ctx, "BEGIN;"+poolProof.SQL); err != nil {
		return err
	}
	shared := second.pid == first.pid
	if !shared {
		before := first.pid
		if err := first.ask(ctx, poolProof.SQL); err != nil {
			return err
		}
		shared = first.pid != before || first.pid == second.pid
	}
	if shared {
		return advise("Set DATABASE_DIRECT_URL to the host without the pooler: migrations and seeds need sessions of their own.",
			"%s is a pooler and not the direct endpoint: two sessions shared one backend", addressOf(cc))
	}
	return nil
}

func addressOf(cc *pgx.ConnConfig) string {
	return net.JoinHostPort(cc.Host, strconv.Itoa(int(cc.Port)))
}

type session struct {
	conn *pgx.Conn
	pid  uint32
}

func backendOf(ctx context.Context, cc *pgx.ConnConfig) (*session, error) {
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, connectFailure(cc, directURLName, err)
	}
	s := &session{conn: conn}
	if err := s.ask(ctx, poolProof.SQL); err != nil {
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

func (s *session) ask(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, directTimeout)
	defer cancel()
	results, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return fmt.Errorf("store: the direct endpoint did not answer: %w", err)
	}
	last := results[len(results)-1]
	pid, err := strconv.ParseUint(string(last.Rows[0][0]), 10, 32)
	if err != nil {
		return fmt.Errorf("store: pg_backend_pid() is not a number: %w", err)
	}
	s.pid = uint32(pid)
	return nil
}

func (s *session) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}
