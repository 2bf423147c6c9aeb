#!/usr/bin/env bash
# PgBouncer's avg_query_time and total_query_time (SHOW STATS) include the time that a query waits for a server connection,
# which total_wait_time counts as well. A statement of 50 ms has an average of some 500 ms when ten clients share one
# connection: the database looks ten times slower than it is.
# Needs PostgreSQL's programs, on the PATH or under /usr/lib/postgresql, and pgbouncer.
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
bouncer=$((port + 1))
cat >"$dir/pg/pgbouncer.ini" <<INI
[databases]
postgres = host=127.0.0.1 port=$port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $bouncer
unix_socket_dir =
auth_type = trust
auth_file = $dir/pg/users
admin_users = admin
pool_mode = transaction
default_pool_size = 1
INI
printf '"app" ""\n"admin" ""\n' >"$dir/pg/users"
pgbouncer=$(PATH=$PATH:/usr/sbin command -v pgbouncer)
"${as[@]}" "$pgbouncer" -q "$dir/pg/pgbouncer.ini" &
pooler=$!
trap 'kill "$pooler" 2>/dev/null || true; kill -INT "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
"$pgbouncer" --version | head -1
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

func connect(url string) *pgx.Conn {
	var c *pgx.Conn
	var err error
	for range 100 {
		if c, err = pgx.Connect(context.Background(), url); err == nil {
			return c
		}
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Println(err)
	os.Exit(2)
	return nil
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
}

// totals reads the row of the database postgres in SHOW STATS.
func totals(ctx context.Context, admin *pgx.Conn) map[string]int64 {
	rows, err := admin.Query(ctx, "SHOW STATS")
	check(err)
	all, err := pgx.CollectRows(rows, pgx.RowToMap)
	check(err)
	for _, row := range all {
		if row["database"] != "postgres" {
			continue
		}
		out := map[string]int64{}
		for name, value := range row {
			switch v := value.(type) {
			case int64:
				out[name] = v
			case pgtype.Numeric:
				f, err := v.Float64Value()
				check(err)
				out[name] = int64(f.Float64)
			}
		}
		return out
	}
	check(fmt.Errorf("no row of postgres in SHOW STATS"))
	return nil
}

func main() {
	ctx := context.Background()
	owner := connect(os.Args[1] + "&user=postgres")
	_, err := owner.Exec(ctx, "CREATE ROLE app LOGIN")
	check(err)
	admin := connect(os.Args[2] + "&user=admin&database=pgbouncer&default_query_exec_mode=simple_protocol")
	const clients, each = 10, 4
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for range clients {
		c := connect(os.Args[2] + "&user=app&default_query_exec_mode=simple_protocol")
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-begin
			for range each {
				_, err := c.Exec(ctx, "SELECT pg_sleep(0.05)")
				check(err)
			}
		})
	}
	ready.Wait()
	before := totals(ctx, admin)
	close(begin)
	done.Wait()
	after := totals(ctx, admin)
	of := func(name string) int64 { return after[name] - before[name] }
	queries := of("total_query_count")
	average := time.Duration(of("total_query_time")/max(queries, 1)) * time.Microsecond
	waited := time.Duration(of("total_wait_time")/max(queries, 1)) * time.Microsecond
	fmt.Printf("%d clients, 1 connection, statements of 50 ms: %d queries, query time %v each, wait time %v each\n", clients, queries, average.Round(time.Millisecond), waited.Round(time.Millisecond))
	if queries != clients*each || average < 200*time.Millisecond {
		fmt.Println("CHANGED: the time in the queue is left out, or queries are counted otherwise")
		os.Exit(1)
	}
	fmt.Println("as found: the queue counts as query time")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go list -m github.com/jackc/pgx/v5
go mod tidy >/dev/null 2>&1
go run . "postgres://127.0.0.1:$port/postgres?sslmode=disable" "postgres://127.0.0.1:$bouncer/postgres?sslmode=disable"
