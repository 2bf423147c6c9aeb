#!/usr/bin/env bash
# otelpgx: the span of a query in a batch is opened when its result has arrived and closed at once. It lasts microseconds
# however slow the query was, so the slow query of a batch cannot be distinguished from the others. Outside a batch the span of
# the same query lasts as long as the query.
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
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func main() {
	ended := tracetest.NewInMemoryExporter()
	provider := trace.NewTracerProvider(trace.WithSyncer(ended))
	ctx, root := provider.Tracer("finding").Start(context.Background(), "request")
	defer root.End()
	config, err := pgx.ParseConfig(os.Args[1] + "&default_query_exec_mode=exec")
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	config.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(provider), otelpgx.WithSpanNameFunc(func(sql string) string { return sql }))
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	defer c.Close(ctx)
	spans := func(what string) (of map[string]time.Duration) {
		of = map[string]time.Duration{}
		fmt.Println(what)
		for _, s := range ended.GetSpans() {
			of[s.Name] = s.EndTime.Sub(s.StartTime)
			fmt.Printf("  %-20s %7.1f ms\n", s.Name, of[s.Name].Seconds()*1000)
		}
		ended.Reset()
		return of
	}
	const slow = "SELECT pg_sleep(0.5)"
	spans("connecting")
	if _, err := c.Exec(ctx, slow); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	alone := spans("alone")
	batch := &pgx.Batch{}
	batch.Queue("SELECT 1")
	batch.Queue(slow)
	batch.Queue("SELECT 2")
	if err := c.SendBatch(ctx, batch).Close(); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	within := spans("in a batch")
	if alone[slow] < 400*time.Millisecond || within["batch start"] < 400*time.Millisecond ||
		within[slow] == 0 || within[slow] > 200*time.Millisecond {
		fmt.Println("CHANGED: the spans of a batch last as long as its queries, or are others")
		os.Exit(1)
	}
	fmt.Println("as found: half a second is in the batch's span and in no query's")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/exaring/otelpgx@v0.13.0 github.com/jackc/pgx/v5@v5.12.0 go.opentelemetry.io/otel/sdk@v1.47.0 >/dev/null 2>&1
go list -m github.com/exaring/otelpgx github.com/jackc/pgx/v5 go.opentelemetry.io/otel/sdk
go mod tidy >/dev/null 2>&1
go run . "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
