#!/usr/bin/env bash
# PgBouncer gives each client the TimeZone and DateStyle that the server had when the client logged in. After ALTER ROLE
# ... SET timezone and RECONNECT, which replaces the server connections, old clients keep the old zone for as long as they
# are connected, new clients have the new one, and both use the same server connection. work_mem changes for all.
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
	"time"

	"github.com/jackc/pgx/v5"
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

type settings struct {
	zone, workMem string
	server        int
}

func main() {
	ctx := context.Background()
	owner := connect(os.Args[1] + "&user=postgres&default_query_exec_mode=simple_protocol")
	do := func(c *pgx.Conn, sql string) {
		if _, err := c.Exec(ctx, sql); err != nil {
			fmt.Println(sql, err)
			os.Exit(2)
		}
	}
	do(owner, "CREATE ROLE app LOGIN; ALTER ROLE app SET timezone = 'Asia/Tokyo'; ALTER ROLE app SET work_mem = '7MB'")
	admin := connect(os.Args[2] + "&user=admin&database=pgbouncer&default_query_exec_mode=simple_protocol")
	see := func(who string, c *pgx.Conn) (s settings) {
		err := c.QueryRow(ctx, "SELECT current_setting('TimeZone'), current_setting('work_mem'), pg_backend_pid()").Scan(&s.zone, &s.workMem, &s.server)
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		fmt.Printf("%-12s TimeZone %s, work_mem %s\n", who, s.zone, s.workMem)
		return s
	}
	old := connect(os.Args[2] + "&user=app&default_query_exec_mode=exec")
	before := see("old client", old)
	do(owner, "ALTER ROLE app SET timezone = 'America/New_York'; ALTER ROLE app SET work_mem = '9MB'")
	do(admin, "RECONNECT")
	fmt.Println("ALTER ROLE, RECONNECT")
	var after settings
	for range 100 { // until it has another server connection
		if after = see("old client", old); after.server != before.server {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	fresh := see("new client", connect(os.Args[2]+"&user=app&default_query_exec_mode=exec"))
	again := see("old client", old)
	if before.zone != "Asia/Tokyo" || before.workMem != "7MB" || after.zone != before.zone || after.workMem != "9MB" ||
		fresh.zone != "America/New_York" || fresh.server != after.server || again != after {
		fmt.Println("CHANGED: the clients have other settings")
		os.Exit(1)
	}
	fmt.Println("as found: two clients of one role, on one server connection, have different time zones")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go list -m github.com/jackc/pgx/v5
go mod tidy >/dev/null 2>&1
go run . "postgres://127.0.0.1:$port/postgres?sslmode=disable" "postgres://127.0.0.1:$bouncer/postgres?sslmode=disable"
