#!/usr/bin/env bash
# go-redis sends a command again when its reply is late, INCR as well: while a server answers nothing for a moment (here
# DEBUG SLEEP; a long script or a paused machine does the same), one INCR that returns an error adds 4 to the counter.
# It takes connections that are open already: a retry on a new one fails at HELLO and adds nothing.
# Needs redis-server and redis-cli on the PATH.
set -euo pipefail
dir=$(mktemp -d)
port=$((20000 + RANDOM % 12000))
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$dir" --enable-debug-command local >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 100); do redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
redis-server --version
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// once increments a counter once while the server sleeps, and returns what it is afterwards.
func once(addr, key string, warm, retries int) (after int64, err error) {
	ctx := context.Background()
	admin := redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: time.Minute})
	defer admin.Close()
	c := redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: 150 * time.Millisecond, MaxRetries: retries})
	defer c.Close()
	var open sync.WaitGroup
	for range warm { // idle connections, as a pool has them
		conn := c.Conn()
		if err := conn.Ping(ctx).Err(); err != nil {
			return 0, err
		}
		open.Go(func() { time.Sleep(100 * time.Millisecond); conn.Close() })
	}
	open.Wait()
	asleep := make(chan error, 1)
	go func() { asleep <- admin.Do(ctx, "DEBUG", "SLEEP", "4").Err() }()
	time.Sleep(500 * time.Millisecond)
	failed := c.Incr(ctx, key).Err()
	if timeout, ok := errors.AsType[net.Error](failed); !ok || !timeout.Timeout() {
		return 0, fmt.Errorf("INCR returned %w, not a timeout", failed)
	}
	if err := <-asleep; err != nil {
		return 0, err
	}
	return admin.Get(ctx, key).Int64()
}

func main() {
	defaults, err := once(os.Args[1], "default", 4, 0)
	if err == nil {
		fmt.Printf("MaxRetries by default (3), 4 idle connections: INCR fails with a timeout, the counter is %d\n", defaults)
	}
	off, offErr := once(os.Args[1], "off", 4, -1)
	if err = errors.Join(err, offErr); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	fmt.Printf("MaxRetries -1: INCR fails with a timeout, the counter is %d\n", off)
	if defaults != 4 || off != 1 {
		fmt.Println("CHANGED: another number of the same INCR arrives")
		os.Exit(1)
	}
	fmt.Println("as found: one INCR counts four times")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
go list -m github.com/redis/go-redis/v9
go mod tidy >/dev/null 2>&1
go run . "127.0.0.1:$port"
