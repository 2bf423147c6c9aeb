#!/usr/bin/env bash
# Go's http.Server.Shutdown waits five seconds for a connection that was opened and never used: a load balancer's or
# browser's spare one, or a TCP health check's. An idle connection that has had a request is closed at once. The
# documentation speaks of idle connections alone; a grace period below 5 s ends with "deadline exceeded".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"
)

// shutdown times Shutdown with one connection open.
func shutdown(used bool) time.Duration {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	accepted := make(chan struct{}, 1)
	s := &http.Server{
		Handler: http.NotFoundHandler(),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if want := http.StateNew; !used && state == want || used && state == http.StateIdle {
				accepted <- struct{}{}
			}
		},
	}
	go s.Serve(listener)
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	defer conn.Close()
	if used {
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	<-accepted
	began := time.Now()
	if err := s.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	return time.Since(began)
}

func main() {
	fmt.Println(runtime.Version())
	used, unused := shutdown(true), shutdown(false)
	fmt.Printf("Shutdown with an idle connection took %.1f s, with one that was never used %.1f s\n", used.Seconds(), unused.Seconds())
	if used > 2*time.Second || unused < 4*time.Second {
		fmt.Println("CHANGED: unused connections are closed sooner")
		os.Exit(1)
	}
	fmt.Println("as found: a connection without a request holds the shutdown up")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go run .
