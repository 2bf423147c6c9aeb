#!/usr/bin/env bash
# golang-lru's expirable.LRU: Values is documented to leave expired entries out. Until the next cleanup, which comes up to
# a hundredth of the TTL later, it returns a zero value for each of them instead, behind the others.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
)

// between looks at a cache whose entries have expired and are not cleaned up
// yet; ok is false if the cleanup came first each time.
func between() (keys []int, values []string, ok bool) {
	const ttl = 2 * time.Second // cleaned up every 20 ms
	cache := expirable.NewLRU[int, string](1000, nil, ttl)
	for i := range 40 { // over several cleanups, so that the last ones are waited for
		cache.Add(i, "value")
		time.Sleep(time.Millisecond)
	}
	last := time.Now()
	for time.Since(last) < 2*ttl {
		if cache.Len() == 0 {
			return nil, nil, false
		}
		keys, values = cache.Keys(), cache.Values()
		if len(values) == len(keys) && len(keys) > 0 && values[len(values)-1] == "" {
			return keys, values, true
		}
	}
	return nil, nil, false
}

func main() {
	for range 5 {
		keys, values, ok := between()
		if !ok {
			continue
		}
		zero := 0
		for _, v := range values {
			if v == "" {
				zero++
			}
		}
		fmt.Printf("every entry was added with the text \"value\": %d keys, %d values, %d of them empty\n", len(keys), len(values), zero)
		fmt.Println("as found: expired entries are zero values")
		return
	}
	fmt.Println("CHANGED: no expired entry was listed")
	os.Exit(1)
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/hashicorp/golang-lru/v2@v2.0.7 >/dev/null 2>&1
go list -m github.com/hashicorp/golang-lru/v2
go mod tidy >/dev/null 2>&1
go run .
