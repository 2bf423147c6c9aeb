#!/usr/bin/env bash
# vegeta is known for keeping its rate, so that a stalled server cannot hide (no coordinated omission). With MaxWorkers it
# hides: of 600 requests at 200 a second, a stall of one second delays 200. Ten workers send ten of them late and the
# others after the stall, in a burst, and each latency runs from the moment of sending: ten requests look slow.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// attack sends 200 requests a second for 3 s to a server that stands still for
// the second one, and counts those that took over 200 ms.
func attack(options ...func(*vegeta.Attacker)) (requests, slow int) {
	var began atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		began.CompareAndSwap(0, time.Now().UnixNano())
		since := time.Since(time.Unix(0, began.Load()))
		if since > time.Second && since < 2*time.Second {
			time.Sleep(2*time.Second - since)
		}
	}))
	defer server.Close()
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: server.URL})
	for r := range vegeta.NewAttacker(options...).Attack(target, vegeta.Rate{Freq: 200, Per: time.Second}, 3*time.Second, "") {
		requests++
		if r.Error != "" {
			fmt.Println(r.Error)
			os.Exit(2)
		}
		if r.Latency > 200*time.Millisecond {
			slow++
		}
	}
	return requests, slow
}

func main() {
	requests, slow := attack()
	fmt.Printf("without a limit: %d requests, %d took over 200 ms\n", requests, slow)
	limited, few := attack(vegeta.MaxWorkers(10))
	fmt.Printf("MaxWorkers(10): %d requests, %d took over 200 ms\n", limited, few)
	if requests != 600 || limited != 600 || slow < 100 || few > 50 {
		fmt.Println("CHANGED: a stall shows in another way")
		os.Exit(1)
	}
	fmt.Println("as found: with a limit of workers a stall of a second all but vanishes")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/tsenart/vegeta/v12@v12.13.0 >/dev/null 2>&1
go list -m github.com/tsenart/vegeta/v12
go mod tidy >/dev/null 2>&1
go run .
