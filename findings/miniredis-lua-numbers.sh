#!/usr/bin/env bash
# In a Redis script a number becomes text with 14 digits, so a time in microseconds loses its last two. miniredis keeps
# all 16. A sliding window that names its entries by such times counts right in a test on miniredis and wrong in Redis.
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

// Five requests, a microsecond apart, in a sliding window.
const script = `
local now = tonumber(ARGV[1])
for i = 0, 4 do
  redis.call('ZADD', KEYS[1], now + i, 'request:' .. (now + i))
end
return {redis.call('ZCARD', KEYS[1]), redis.call('ZRANGE', KEYS[1], 0, 0)[1]}`

func run(addr string) (entries int64, first string) {
	ctx := context.Background()
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	reply, err := c.Eval(ctx, script, []string{"window"}, "1733024000000110").Slice()
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	return reply[0].(int64), reply[1].(string)
}

func main() {
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	defer m.Close()
	server, serverFirst := run(os.Args[1])
	mini, miniFirst := run(m.Addr())
	fmt.Printf("Redis: %d of 5 requests are counted, the first is %s\n", server, serverFirst)
	fmt.Printf("miniredis: %d of 5 requests are counted, the first is %s\n", mini, miniFirst)
	if server != 1 || mini != 5 {
		fmt.Println("CHANGED: both write numbers alike now, or otherwise")
		os.Exit(1)
	}
	fmt.Println("as found: the five are one in Redis and five in miniredis")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/alicebob/miniredis/v2@v2.40.0 github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
go list -m github.com/alicebob/miniredis/v2 github.com/redis/go-redis/v9
go mod tidy >/dev/null 2>&1
go run . "127.0.0.1:$port"
