package bench

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// A TLS server that offers HTTP/2 is measured over HTTP/2, trusted by the file of its authority alone.
func TestHTTP2WithAPrivateAuthority(t *testing.T) {
	var second, posted atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			second.Add(1)
		}
		if sent, _ := io.ReadAll(r.Body); r.Method == http.MethodPost && string(sent) == `{"n":1}` && r.Header.Get("Content-Type") == "application/json" {
			posted.Add(1)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{}`)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of those who do not trust it
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	trust, err := TrustAlso(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	if err != nil {
		t.Fatal(err)
	}
	for _, connections := range []int{0, 2} {
		second.Store(0)
		posted.Store(0)
		h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), TLS: trust, MaxConnections: connections})
		ended := 0
		h.Attack(t.Context(), Attack{
			Schedule: schedule(t, 400, 500*time.Millisecond),
			Shots: func(seq uint64) Shot {
				if seq%2 == 0 {
					return Shot{Path: "/", Method: http.MethodPost, Body: `{"n":1}`}
				}
				return Shot{Path: "/"}
			},
			Observe: func(s Sample) {
				if ended++; s.Failed() || s.Reply.Proto != 2 {
					t.Errorf("request %d: %q over HTTP/%d", s.Seq, s.Kind, s.Reply.Proto)
				}
			},
		})
		if ended != 200 || second.Load() != 200 || posted.Load() != 100 {
			t.Errorf("%d connections: %d ended, %d over HTTP/2, %d posted", connections, ended, second.Load(), posted.Load())
		}
	}
	if s := newHitter(t, HitterConfig{Base: parsed(t, s.URL)}).Once(t.Context(), Shot{Path: "/"}); s.Kind != KindTLS {
		t.Errorf("without the authority's file: %q", s.Kind)
	}
	if _, err := TrustAlso([]byte("no certificate")); err == nil {
		t.Error("a file without a certificate is no authority")
	}
	if _, err := x509.SystemCertPool(); err == nil && trust.InsecureSkipVerify {
		t.Error("the file must not turn verification off")
	}
}
