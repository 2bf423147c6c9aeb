#!/usr/bin/env bash
# vegeta counts the bytes of an answer after Go's transport has decompressed it, and MaxBody as well: a reply of some
# hundred bytes on the wire is reported as 120,000, and nothing in the result says that it was compressed. A target that
# states Accept-Encoding itself, as curl or a browser would, gets the bytes of the wire.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func main() {
	sent := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var b strings.Builder
		z := gzip.NewWriter(&b)
		io.WriteString(z, strings.Repeat("hello ", 20_000))
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		sent, _ = io.WriteString(w, b.String())
	}))
	defer server.Close()
	hit := func(header http.Header) (result *vegeta.Result) {
		target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: server.URL, Header: header})
		for result = range vegeta.NewAttacker().Attack(target, vegeta.Rate{Freq: 1, Per: time.Second}, time.Second, "") {
			fmt.Printf("Accept-Encoding %q: status %d, the server sent %d bytes, vegeta counts %d, Content-Encoding %q\n",
				header.Get("Accept-Encoding"), result.Code, sent, result.BytesIn, result.Headers.Get("Content-Encoding"))
		}
		return result
	}
	byDefault := hit(http.Header{})
	stated := hit(http.Header{"Accept-Encoding": {"gzip"}})
	if byDefault.BytesIn != 120_000 || byDefault.Headers.Get("Content-Encoding") != "" || sent > 1000 || stated.BytesIn != uint64(sent) {
		fmt.Println("CHANGED: the bytes of the wire are counted, or none are compressed")
		os.Exit(1)
	}
	fmt.Println("as found: by default the bytes are those after decompression")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/tsenart/vegeta/v12@v12.13.0 >/dev/null 2>&1
go list -m github.com/tsenart/vegeta/v12
go mod tidy >/dev/null 2>&1
go run .
