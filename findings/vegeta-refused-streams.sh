#!/usr/bin/env bash
# HTTP/2 with vegeta: a server that refuses a stream (REFUSED_STREAM, as one does that is full or restarting) gets the
# same request again and again from Go's transport, POST as well, with pauses of 1, 2, 4 s. vegeta reports one hit with
# status 200 and a latency of seconds, although the server saw four requests and refused three.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// serve refuses the first streams and answers the next ones with 200.
func serve(conn net.Conn, seen *atomic.Int64, refusals int64) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(conn, conn)
	f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				f.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			if seen.Add(1) <= refusals {
				f.WriteRSTStream(frame.StreamID, http2.ErrCodeRefusedStream)
				continue
			}
			var block bytes.Buffer
			hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: frame.StreamID, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
		}
	}
}

func main() {
	https := httptest.NewTLSServer(nil) // for its certificate
	defer https.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: https.TLS.Certificates, NextProtos: []string{"h2"}})
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	var seen atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn, &seen, 3)
		}
	}()
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodPost, URL: "https://" + listener.Addr().String(), Body: []byte("{}")})
	attacker := vegeta.NewAttacker(vegeta.TLSConfig(&tls.Config{InsecureSkipVerify: true}), vegeta.HTTP2(true))
	hits := 0
	var result vegeta.Result
	for r := range attacker.Attack(target, vegeta.Rate{Freq: 1, Per: time.Second}, time.Second, "") {
		hits++
		result = *r
	}
	fmt.Printf("vegeta: %d hit, status %d, error %q, latency %v\nthe server saw %d requests and refused 3\n",
		hits, result.Code, result.Error, result.Latency.Round(100*time.Millisecond), seen.Load())
	if hits != 1 || result.Code != http.StatusOK || result.Error != "" || seen.Load() != 4 || result.Latency < 2*time.Second {
		fmt.Println("CHANGED: refused streams are reported, or not sent again")
		os.Exit(1)
	}
	fmt.Println("as found: refusals turn into latency, and are counted nowhere")
}
GO
go mod init example.org/finding >/dev/null 2>&1
go get github.com/tsenart/vegeta/v12@v12.13.0 golang.org/x/net@v0.61.0 >/dev/null 2>&1
go list -m github.com/tsenart/vegeta/v12 golang.org/x/net
go mod tidy >/dev/null 2>&1
go run .
