#!/usr/bin/env bash
# Postgres: CET, MET, EET and WET mean two things in one session. AT TIME ZONE 'CET' takes the abbreviation, an offset
# without summer time; SET TIME ZONE 'CET' and Go's time.LoadLocation take the zone, which has it. From spring to autumn
# they differ by an hour, in the same statement. (CET is a valid IANA name: browsers and phones can report it.)
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
	_ "time/tzdata"

	"github.com/jackc/pgx/v5"
)

func main() {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	defer c.Close(ctx)
	summer := time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)
	const layout = "15:04"
	changed := false
	for _, zone := range []string{"CET", "MET", "EET", "WET", "Europe/Berlin"} {
		loc, err := time.LoadLocation(zone)
		if err == nil {
			_, err = c.Exec(ctx, "SELECT set_config('TimeZone', $1, false)", zone)
		}
		var at, session string
		if err == nil {
			err = c.QueryRow(ctx, "SELECT to_char($1::timestamptz AT TIME ZONE $2::text, 'HH24:MI'), to_char($1::timestamptz, 'HH24:MI')", summer, zone).Scan(&at, &session)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		goes := summer.In(loc)
		fmt.Printf("%-14s Go %s, SET TIME ZONE %s, AT TIME ZONE %s\n", zone, goes.Format(layout), session, at)
		want := goes.Add(-time.Hour)
		if zone == "Europe/Berlin" {
			want = goes
		}
		changed = changed || session != goes.Format(layout) || at != want.Format(layout)
	}
	if changed {
		fmt.Println("CHANGED: the abbreviations are read in another way")
		os.Exit(1)
	}
	fmt.Println("as found: AT TIME ZONE knows no summer in four of these zones")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go list -m github.com/jackc/pgx/v5
go mod tidy >/dev/null 2>&1
go run . "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
