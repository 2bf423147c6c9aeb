package app

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

func TestRepairOfARunningServer(t *testing.T) {
	plain := httptest.NewServer(nil)
	defer plain.Close()
	target := strings.Replace(plain.URL, "http://", "https://", 1)
	s := AskTarget(t.Context(), facts.Config{TargetURL: target})
	defer s.Close()
	if s.Failed == nil || s.Failed.Kind != facts.KindTLS {
		t.Fatalf("it fails by %v", s.Failed)
	}
	if got := check.RepairTarget(s.Failed, target); !strings.HasPrefix(got, "honeydue probe --target "+plain.URL+" ") {
		t.Errorf("HTTPS to a server of plain HTTP is mended by %q", got)
	}
	for _, f := range []*facts.Failure{
		{Kind: facts.KindTLS, Err: tls.AlertError(40)},
		{Kind: facts.KindName, Err: &net.DNSError{}},
		{Kind: facts.KindURL, Err: facts.ErrNoHost},
		{Kind: facts.KindCertificate, Err: errors.New("x")},
	} {
		got := check.RepairTarget(f, "https://api.example.com")
		if got == "" || strings.Contains(got, "sslmode") || strings.Contains(got, "password") {
			t.Errorf("%s is mended by %q", f.Kind, got)
		}
	}
}
