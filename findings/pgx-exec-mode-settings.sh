#!/usr/bin/env bash
# pgx reads text in the modes exec and simple_protocol, and knows one text format of each type. A role (or database) with
# another bytea_output, DateStyle or IntervalStyle, which psql users like to set, makes the same SELECT fail there, and
# an extra_float_digits of its own loses digits without an error. The default mode reads binary and sees none of it.
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

func main() {
	ctx := context.Background()
	changed := false
	for _, c := range []struct{ setting, query, binary, text string }{
		{"bytea_output = 'escape'", `SELECT '\x0102'::bytea`, "[1 2]", "error"},
		{"datestyle = 'SQL, DMY'", "SELECT '2026-03-04'::date", "2026-03-04 00:00:00 +0000 UTC", "error"},
		{"intervalstyle = 'iso_8601'", "SELECT '2 days'::interval", "{0 2 0 true}", "error"},
		{"extra_float_digits = 0", "SELECT 0.1::float8 + 0.2::float8", "0.30000000000000004", "0.3"},
	} {
		owner, err := pgx.Connect(ctx, os.Args[1])
		if err == nil {
			_, err = owner.Exec(ctx, "DROP ROLE IF EXISTS app; CREATE ROLE app LOGIN; ALTER ROLE app SET "+c.setting, pgx.QueryExecModeSimpleProtocol)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		owner.Close(ctx)
		fmt.Printf("ALTER ROLE app SET %s; %s\n", c.setting, c.query)
		for _, mode := range []string{"cache_statement", "exec"} {
			app, err := pgx.Connect(ctx, os.Args[1]+"&user=app&default_query_exec_mode="+mode)
			if err != nil {
				fmt.Println(err)
				os.Exit(2)
			}
			var value any
			err = app.QueryRow(ctx, c.query).Scan(&value)
			app.Close(ctx)
			got, want := fmt.Sprint(value), c.binary
			if mode == "exec" {
				want = c.text
			}
			if err != nil {
				got = "error"
			}
			fmt.Printf("  %-16s%s %v\n", mode, got, err)
			changed = changed || got != want
		}
	}
	if changed {
		fmt.Println("CHANGED: a setting of the role matters in another way")
		os.Exit(1)
	}
	fmt.Println("as found: a setting of the role decides whether exec can read, and how exactly")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go list -m github.com/jackc/pgx/v5
go mod tidy >/dev/null 2>&1
go run . "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
