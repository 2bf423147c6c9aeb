#!/usr/bin/env bash
# cjson in scripts: Redis keeps a null through decode and encode, and turns an empty array into an object. miniredis drops
# the null and keeps the array, and its cjson.decode raises no error for text that is not JSON, so that pcall succeeds.
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

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

func main() {
	ctx := context.Background()
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	defer m.Close()
	changed := false
	for _, c := range []struct{ what, script, arg, real, mini string }{
		{"a field that is null", "return cjson.encode(cjson.decode(ARGV[1]))", `{"done":null}`, `{"done":null}`, `[]`},
		{"an empty array", "return cjson.encode(cjson.decode(ARGV[1]))", `{"tags":[]}`, `{"tags":{}}`, `{"tags":[]}`},
		{"is the null field nil?", "return tostring(cjson.decode(ARGV[1]).done == nil)", `{"done":null}`, "false", "true"},
		{"does pcall(cjson.decode) succeed?", "return tostring((pcall(cjson.decode, ARGV[1])))", `{"done":`, "false", "true"},
	} {
		var got [2]string
		for i, addr := range []string{os.Args[1], m.Addr()} {
			client := redis.NewClient(&redis.Options{Addr: addr})
			text, err := client.Eval(ctx, c.script, nil, c.arg).Text()
			client.Close()
			if err != nil {
				fmt.Println(err)
				os.Exit(2)
			}
			got[i] = text
		}
		fmt.Printf("%-34s %-14s Redis: %-14s miniredis: %s\n", c.what, c.arg, got[0], got[1])
		changed = changed || got[0] != c.real || got[1] != c.mini
	}
	if changed {
		fmt.Println("CHANGED: cjson behaves otherwise in one of the two")
		os.Exit(1)
	}
	fmt.Println("as found: the same script gives other answers")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/alicebob/miniredis/v2@v2.40.0 github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
go list -m github.com/alicebob/miniredis/v2 github.com/redis/go-redis/v9
go mod tidy >/dev/null 2>&1
go run . "127.0.0.1:$port"
