#!/usr/bin/env bash
# vegeta as a library: HTTP2(true) changes the TLS configuration that TLSConfig sets. With TLSConfig behind it the requests
# go over HTTP/1.1, and neither an error nor the result says so; with TLSConfig in front of it they go over HTTP/2.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func main() {
	var proto string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { proto = r.Proto }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	hit := func(what string, options ...func(*vegeta.Attacker)) string {
		target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: server.URL})
		for result := range vegeta.NewAttacker(options...).Attack(target, vegeta.Rate{Freq: 1, Per: time.Second}, time.Second, "") {
			fmt.Printf("%s: status %d, error %q, %s\n", what, result.Code, result.Error, proto)
		}
		return proto
	}
	trust := func() func(*vegeta.Attacker) { return vegeta.TLSConfig(&tls.Config{InsecureSkipVerify: true}) }
	first := hit("HTTP2(true), TLSConfig(...)", vegeta.HTTP2(true), trust())
	last := hit("TLSConfig(...), HTTP2(true)", trust(), vegeta.HTTP2(true))
	if first != "HTTP/1.1" || last != "HTTP/2.0" {
		fmt.Println("CHANGED: the order of the options matters in another way")
		os.Exit(1)
	}
	fmt.Println("as found: an option that comes later turns HTTP/2 off")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/tsenart/vegeta/v12@v12.13.0 >/dev/null 2>&1
go list -m github.com/tsenart/vegeta/v12
go mod tidy >/dev/null 2>&1
go run .
