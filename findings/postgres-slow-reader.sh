#!/usr/bin/env bash
# Postgres: statement_timeout counts the time in which the client does not read. A query that needs milliseconds is
# canceled with 57014 because its reader pauses between rows, once what the network and the sockets hold is full; the log
# and the error blame the statement. A result that fits the buffers is read after the same pause without an error.
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
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// read reads all rows, 1 KB each, and pauses after the first.
func read(url string, rows int, pause time.Duration) (count int, code string) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "SET statement_timeout = '2s'"); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	r, err := c.Query(ctx, "SELECT repeat('x', 1000) FROM generate_series(1, $1::int)", rows)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	for r.Next() {
		if count++; count == 1 {
			time.Sleep(pause)
		}
	}
	if refusal, ok := errors.AsType[*pgconn.PgError](r.Err()); ok {
		code = refusal.Code
	} else if r.Err() != nil {
		code = r.Err().Error()
	}
	return count, code
}

func main() {
	fmt.Println("statement_timeout is 2s, a row has 1 KB")
	changed := false
	for _, c := range []struct {
		rows  int
		pause time.Duration
		fails bool
	}{{100, 5 * time.Second, false}, {20_000, 0, false}, {20_000, 5 * time.Second, true}} {
		count, code := read(os.Args[1], c.rows, c.pause)
		fmt.Printf("%6d rows, the reader pauses for %v: %d rows were read, error code %q\n", c.rows, c.pause, count, code)
		changed = changed || (code == "57014") != c.fails || !c.fails && count != c.rows
	}
	if changed {
		fmt.Println("CHANGED: the reader's pause counts in another way")
		os.Exit(1)
	}
	fmt.Println("as found: the pause of the reader is time of the statement")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go list -m github.com/jackc/pgx/v5
go mod tidy >/dev/null 2>&1
go run . "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
