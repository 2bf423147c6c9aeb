#!/usr/bin/env bash
# go-redis prepares each new connection (HELLO, AUTH, SELECT). If that fails, Pipelined returns the error, but the
# commands of the pipeline say that they succeeded: a look at each command's Err() shows no failure at all.
# Needs redis-server and redis-cli on the PATH.
set -euo pipefail
dir=$(mktemp -d)
port=$((20000 + RANDOM % 12000))
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$dir" >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 100); do redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
redis-server --version
redis-cli -p "$port" ACL SETUSER app on '>pw' '~*' '+@all' -select >/dev/null
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/redis/go-redis/v9"
)

func main() {
	ctx := context.Background()
	c := redis.NewClient(&redis.Options{Addr: os.Args[1], Username: "app", Password: "pw", DB: 1, MaxRetries: -1})
	defer c.Close()
	single := c.Get(ctx, "key").Err()
	fmt.Printf("one command: %v\n", single)
	var get *redis.StringCmd
	var set *redis.StatusCmd
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		get, set = p.Get(ctx, "key"), p.Set(ctx, "key", "value", 0)
		return nil
	})
	fmt.Printf("a pipeline: %v\nits commands: GET %v, SET %v\n", err, get.Err(), set.Err())
	if single == nil || err == nil || get.Err() != nil || set.Err() != nil {
		fmt.Println("CHANGED: the commands carry the error now, or there is none")
		os.Exit(1)
	}
	fmt.Println("as found: the pipeline fails, and none of its commands does")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
go list -m github.com/redis/go-redis/v9
go mod tidy >/dev/null 2>&1
go run . "127.0.0.1:$port"
