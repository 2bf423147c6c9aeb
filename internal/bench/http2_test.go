package bench

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// second speaks HTTP/2 by hand: each stream gets what answer writes.
func second(t *testing.T, answer func(f *http2.Framer, stream uint32) (closes bool)) HitterConfig {
	t.Helper()
	certified := httptest.NewUnstartedServer(http.NotFoundHandler())
	certified.Config.ErrorLog = log.New(io.Discard, "", 0)
	certified.StartTLS() // for its certificate
	t.Cleanup(certified.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: certified.TLS.Certificates, NextProtos: []string{http2.NextProtoTLS},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveSecond(c, answer)
		}
	}()
	return HitterConfig{Base: parsed(t, "https://"+l.Addr().String()), TLS: trusting(t, certified.Certificate()), Timeout: 20 * time.Second}
}

func serveSecond(c net.Conn, answer func(f *http2.Framer, stream uint32) bool) {
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	if f.WriteSettings() != nil {
		return
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		if h, ok := frame.(*http2.HeadersFrame); ok && answer(f, h.StreamID) {
			return
		}
	}
}

func answerSecond(f *http2.Framer, stream uint32, status string, end bool) {
	var block bytes.Buffer
	_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: status})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end})
}

// Over HTTP/2, too, each request without an answer is counted, by what the server did instead.
func TestHTTP2FailuresHaveKinds(t *testing.T) {
	for name, tc := range map[string]struct {
		answer  func(n int64, f *http2.Framer, stream uint32) bool
		kind    Kind
		retries int
		seen    int64
	}{
		"answered": {func(_ int64, f *http2.Framer, stream uint32) bool {
			answerSecond(f, stream, "204", true)
			return false
		}, KindNone, 0, 1},
		"reset": {func(_ int64, f *http2.Framer, stream uint32) bool {
			_ = f.WriteRSTStream(stream, http2.ErrCodeInternal)
			return false
		}, KindStream, 0, 1},
		"reset in the body": {func(_ int64, f *http2.Framer, stream uint32) bool {
			answerSecond(f, stream, "200", false)
			_ = f.WriteRSTStream(stream, http2.ErrCodeInternal)
			return false
		}, KindStream, 0, 1},
		"given up and closed": {func(_ int64, f *http2.Framer, stream uint32) bool {
			_ = f.WriteGoAway(stream, http2.ErrCodeInternal, nil)
			return true
		}, KindGoAway, 0, 1},
		"refused, then answered": {func(n int64, f *http2.Framer, stream uint32) bool {
			if n < 3 {
				_ = f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
				return false
			}
			answerSecond(f, stream, "204", true)
			return false
		}, KindRetried, 2, 3},
		"sent away, then answered": {func(n int64, f *http2.Framer, stream uint32) bool {
			if n < 2 {
				_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
				return false
			}
			answerSecond(f, stream, "204", true)
			return false
		}, KindRetried, 1, 2},
		"closed": {func(int64, *http2.Framer, uint32) bool { return true }, KindReset, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var seen atomic.Int64
			h := newHitter(t, second(t, func(f *http2.Framer, stream uint32) bool { return tc.answer(seen.Add(1), f, stream) }))
			if got := h.Once(t.Context(), Shot{Path: "/"}); got.Kind != tc.kind || got.Retries != tc.retries || seen.Load() != tc.seen {
				t.Errorf("kind %q, %d retries, %d seen; want %q, %d, %d", got.Kind, got.Retries, seen.Load(), tc.kind, tc.retries, tc.seen)
			}
		})
	}
}
