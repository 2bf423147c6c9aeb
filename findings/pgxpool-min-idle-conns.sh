#!/usr/bin/env bash
# pgxpool documents MinIdleConns as a way to have idle connections always available. They are made at the start and at
# each health check, which comes once a minute by default: a burst that takes them finds the pool empty from then on, and
# each further request opens its connection itself.
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

	"github.com/jackc/pgx/v5/pgxpool"
)

// idle takes the two spare connections and counts what is idle 3 s later.
func idle(url string) (before, after, final int32) {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, url+"&pool_max_conns=10&pool_min_idle_conns=2")
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	defer pool.Close()
	for range 100 {
		if before = pool.Stat().IdleConns(); before == 2 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for range 2 {
		c, err := pool.Acquire(ctx)
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		defer c.Release()
	}
	time.Sleep(3 * time.Second)
	return before, pool.Stat().IdleConns(), pool.Stat().TotalConns()
}

func main() {
	byDefault, after, total := idle(os.Args[1])
	fmt.Printf("health check every minute: idle %d; 3 s after both were taken: idle %d, open %d\n", byDefault, after, total)
	_, often, oftenTotal := idle(os.Args[1] + "&pool_health_check_period=500ms")
	fmt.Printf("health check every 0.5 s: 3 s after both were taken: idle %d, open %d\n", often, oftenTotal)
	if byDefault != 2 || after != 0 || total != 2 || often != 2 || oftenTotal != 4 {
		fmt.Println("CHANGED: idle connections are replaced at another time")
		os.Exit(1)
	}
	fmt.Println("as found: no spare connection is made until the health check")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go list -m github.com/jackc/pgx/v5
go mod tidy >/dev/null 2>&1
go run . "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
