#!/usr/bin/env bash
# A Redis URL with a password and no user, redis://:password@host: go-redis logs in with it, redis-cli does not. redis-cli
# sends an AUTH for the user "", which no Redis has, and goes on without a login. The same URL with the user "default" works
# in both. Seen in redis-cli 7.0.15 and 8.0.2 and in valkey-cli 8.1.1.
# Needs redis-server and redis-cli on the PATH, and Go.
set -euo pipefail
dir=$(mktemp -d)
port=$((20000 + RANDOM % 12000))
redis-server --port "$port" --bind 127.0.0.1 --requirepass pw --save "" --appendonly no --dir "$dir" >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 100); do redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
redis-cli --version
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	o, err := redis.ParseURL(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	c := redis.NewClient(o)
	defer c.Close()
	fmt.Println(c.Ping(ctx).String())
}
GO
go mod init example.com/finding >/dev/null 2>&1
go get github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
go build -o ping .
grep go-redis go.mod

changed=0
# see USER WANTED-OF-REDIS-CLI WANTED-OF-GO-REDIS
see() {
  local url=redis://$1:pw@127.0.0.1:$port/0 cli go
  cli=$(redis-cli --no-auth-warning -u "$url" PING 2>&1 | tr '\n' ' ')
  go=$(./ping "$url")
  printf 'redis://%s:pw@host  redis-cli: %s\n%*s  go-redis:  %s\n' "$1" "$cli" $((16 + ${#1})) '' "$go"
  [[ $cli == *"$2"* && $go == *"$3"* ]] || changed=1
}
see "" WRONGPASS PONG
see default PONG PONG
if [ "$changed" = 1 ]; then
  echo "CHANGED: redis-cli and go-redis read a URL without a user in the same way, or differ in another"
  exit 1
fi
echo "as found: redis-cli cannot log in by a URL without a user"
