#!/usr/bin/env bash
# go-redis: a time to live that is over already (a deadline minus now) makes Set store the key for ever, without an error,
# and removes the time to live that the key had. SetNX with the same argument is refused, and Expire deletes the key.
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
	"time"

	"github.com/redis/go-redis/v9"
)

func main() {
	ctx := context.Background()
	c := redis.NewClient(&redis.Options{Addr: os.Args[1]})
	defer c.Close()
	over := time.Until(time.Now().Add(-time.Second))
	c.Set(ctx, "set", "old", time.Minute)
	c.Set(ctx, "expire", "old", time.Minute)
	set := c.Set(ctx, "set", "new", over).Err()
	setNX := c.SetNX(ctx, "setnx", "new", over).Err()
	expire := c.Expire(ctx, "expire", over).Err()
	value, ttl := c.Get(ctx, "set").Val(), c.TTL(ctx, "set").Val() // -1: none
	there := c.Exists(ctx, "expire").Val()
	fmt.Printf("Set with -1s: error %v, the key is %q with the TTL %d (-1 = none, it had a minute)\n", set, value, ttl)
	fmt.Printf("SetNX with -1s: error %v\nExpire with -1s: error %v, keys left: %d\n", setNX, expire, there)
	if set != nil || value != "new" || ttl != -1 || setNX == nil || expire != nil || there != 0 {
		fmt.Println("CHANGED: a negative time to live is treated otherwise")
		os.Exit(1)
	}
	fmt.Println("as found: Set takes a time to live that is over for none at all")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
go list -m github.com/redis/go-redis/v9
go mod tidy >/dev/null 2>&1
go run . "127.0.0.1:$port"
