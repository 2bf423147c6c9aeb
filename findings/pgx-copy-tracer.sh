#!/usr/bin/env bash
# pgx: CopyFrom into a table or column that does not exist calls TraceCopyFromStart and never TraceCopyFromEnd, because it
# fails while it describes the table. A tracer that opens a span for it never ends it: the failed copy is missing from
# the trace, and what ran within it has a parent that does not exist. A failure of the COPY itself is traced.
# Needs PostgreSQL's programs, on the PATH or under /usr/lib/postgresql.
set -euo pipefail
dir=$(mktemp -d)
port=$((20000 + RANDOM % 12000))
bin=$(dirname "$(readlink -f "$(command -v initdb || find /usr/lib/postgresql -name initdb | sort -V | tail -1)")")
as=()
mkdir "$dir/pg"
if [ "$(id -u)" = 0 ]; then # Postgres refuses to run as root
  as=(setpriv --reuid nobody --regid nogroup --clear-groups)
  chmod 755 "$dir"
  chown nobody "$dir/pg"
fi
cd "$dir"
"${as[@]}" "$bin/initdb" -D "$dir/pg/data" -U postgres -A trust --locale C -E UTF8 -N >/dev/null
"${as[@]}" "$bin/postgres" -D "$dir/pg/data" -p "$port" -k '' -c listen_addresses=127.0.0.1 -c fsync=off >"$dir/log" 2>&1 &
server=$!
trap 'kill -INT "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 600); do grep -q "ready to accept connections" "$dir/log" && break; sleep 0.1; done
"$bin/postgres" --version
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
)

type tracer struct{ started, ended int }

func (t *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context { return ctx }

func (t *tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (t *tracer) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	t.started++
	return ctx
}

func (t *tracer) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) { t.ended++ }

func main() {
	ctx := context.Background()
	config, err := pgx.ParseConfig(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	t := &tracer{}
	config.Tracer = t
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "CREATE TEMP TABLE tasks (id int PRIMARY KEY)"); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	changed := false
	for _, copied := range []struct {
		what, table, column string
		rows                [][]any
		fails               bool
		ends                int
	}{
		{"good rows", "tasks", "id", [][]any{{1}, {2}}, false, 1},
		{"a duplicate", "tasks", "id", [][]any{{1}}, true, 1},
		{"no such column", "tasks", "name", [][]any{{"x"}}, true, 0},
		{"no such table", "task", "id", [][]any{{1}}, true, 0},
	} {
		*t = tracer{}
		_, err := c.CopyFrom(ctx, pgx.Identifier{copied.table}, []string{copied.column}, pgx.CopyFromRows(copied.rows))
		fmt.Printf("%-15s error: %-5v start was called %d times, end %d times\n", copied.what, err != nil, t.started, t.ended)
		changed = changed || (err != nil) != copied.fails || t.started != 1 || t.ended != copied.ends
	}
	if changed {
		fmt.Println("CHANGED: each start has an end, or another one has none")
		os.Exit(1)
	}
	fmt.Println("as found: a copy that fails at its description is never ended")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go list -m github.com/jackc/pgx/v5
go mod tidy >/dev/null 2>&1
go run . "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
