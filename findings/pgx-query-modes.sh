#!/usr/bin/env bash
# pgx: the query mode decides what is stored. The default describes each statement and encodes arguments for its columns;
# the modes exec and simple_protocol, which poolers need, encode by the Go type. The same INSERT with the same arguments
# stores other text for []byte, another day for time.Time, and 2 for 2.9 in one mode, which the other refuses.
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

func main() {
	ctx := context.Background()
	evening := time.Date(2026, time.March, 4, 23, 0, 0, 0, time.FixedZone("", -2*60*60))
	described := []string{"2", "milk", "2026-03-04", "2026-03-04 23:00:00"}
	byType := []string{"refused, 22P02", `\x6d696c6b`, "2026-03-05", "2026-03-05 01:00:00"}
	changed := false
	for _, m := range []struct {
		mode string
		want []string
	}{
		{"cache_statement", described}, {"cache_describe", described}, {"exec", byType}, {"simple_protocol", byType},
	} {
		c, err := pgx.Connect(ctx, os.Args[1]+"&default_query_exec_mode="+m.mode)
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		fmt.Println(m.mode)
		for i, column := range []struct {
			kind  string
			value any
		}{
			{"integer", 2.9}, {"text", []byte("milk")}, {"date", evening}, {"timestamp", evening},
		} {
			table := "t_" + column.kind
			_, err := c.Exec(ctx, "CREATE TEMP TABLE "+table+" (x "+column.kind+")")
			if err == nil {
				_, err = c.Exec(ctx, "INSERT INTO "+table+" VALUES ($1)", column.value)
			}
			var stored string
			if err == nil {
				err = c.QueryRow(ctx, "SELECT x::text FROM "+table).Scan(&stored)
			}
			if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
				stored = "refused, " + refusal.Code
			} else if err != nil {
				fmt.Println(err)
				os.Exit(2)
			}
			fmt.Printf("  %T into %s: %s\n", column.value, column.kind, stored)
			changed = changed || stored != m.want[i]
		}
		c.Close(ctx)
	}
	if changed {
		fmt.Println("CHANGED: the modes store other values, or the same")
		os.Exit(1)
	}
	fmt.Println("as found: the same arguments are other data in exec and simple_protocol")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go list -m github.com/jackc/pgx/v5
go mod tidy >/dev/null 2>&1
go run . "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
