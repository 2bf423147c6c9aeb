#!/usr/bin/env bash
# redis_rate gives an attempt back by AllowN with a negative number. That works while other attempts are counted; the
# last one stays counted, because a key that would become free is not written.
# Needs redis-server and redis-cli on the PATH.
set -euo pipefail
dir=$(mktemp -d)
port=$((20000 + RANDOM % 12000))
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$dir" >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 100); do redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
redis-server --version
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

func main() {
	ctx := context.Background()
	c := redis.NewClient(&redis.Options{Addr: os.Args[1]})
	defer c.Close()
	limiter, limit := redis_rate.NewLimiter(c), redis_rate.PerHour(10)
	remaining := func(key string, n int) int {
		r, err := limiter.AllowN(ctx, key, limit, n)
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		return r.Remaining
	}
	remaining("one", 1)
	remaining("one", -1)
	one := remaining("one", 0)
	for range 3 {
		remaining("three", 1)
	}
	remaining("three", -1)
	three := remaining("three", 0)
	fmt.Printf("of 10 an hour: after one attempt that was given back %d are left, after three of which one was given back %d\n", one, three)
	if one != 9 || three != 8 {
		fmt.Println("CHANGED: the last attempt is given back as well, or none is")
		os.Exit(1)
	}
	fmt.Println("as found: the last attempt stays counted")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/go-redis/redis_rate/v10@v10.0.1 github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
go list -m github.com/go-redis/redis_rate/v10 github.com/redis/go-redis/v9
go mod tidy >/dev/null 2>&1
go run . "127.0.0.1:$port"
