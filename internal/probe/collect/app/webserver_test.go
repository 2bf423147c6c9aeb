package app

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestWebWaterfall connects by HTTP, by HTTPS, and by HTTPS to a server that nobody trusts.
func TestWebWaterfall(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	plain, secure := httptest.NewServer(answer), httptest.NewTLSServer(answer)
	defer plain.Close()
	defer secure.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(secure.Certificate())
	for _, c := range []struct {
		name, url string
		roots     *x509.CertPool
		phases    []string
		turns     int64
		failed    facts.Kind
	}{
		{"http", plain.URL, nil, []string{"tcp", "first_answer"}, 2, ""},
		{"a name", strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), nil, []string{"dns", "tcp", "first_answer"}, 2, ""},
		{"https", secure.URL, trusted, []string{"tcp", "tls", "first_answer"}, 3, ""},
		{"not trusted", secure.URL, x509.NewCertPool(), []string{"tcp"}, 1, facts.KindCertificate},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := ProbeWeb(t.Context(), facts.Config{TargetURL: c.url}, c.roots)
			var phases []string
			for _, p := range s.Endpoint.Phases {
				phases = append(phases, p.Name)
			}
			if !slices.Equal(phases, c.phases) || s.Endpoint.ConnectTurns != c.turns {
				t.Errorf("phases %v in %d turns, want %v in %d", phases, s.Endpoint.ConnectTurns, c.phases, c.turns)
			}
			if c.failed != "" {
				if s.Failed == nil || s.Failed.Kind != c.failed || s.Endpoint.Error == "" {
					t.Fatalf("the failure is %v", s.Failed)
				}
				o := &facts.Observation{Pooler: &facts.PGServer{}, Ways: facts.WaysFacts{Web: s}}
				out := check.CertificateEnds(o)
				if len(out.Hits) != 1 || !strings.Contains(out.Hits[0].Evidence, "The certificate of target is rejected") {
					t.Errorf("HD-N09 says %+v", out)
				}
				return
			}
			if s.Failed != nil || s.Endpoint.FloorMS <= 0 {
				t.Errorf("failed %v, floor %v", s.Failed, s.Endpoint.FloorMS)
			}
			if (s.Endpoint.TLS != nil) != (c.roots != nil) {
				t.Errorf("its TLS is %+v", s.Endpoint.TLS)
			}
		})
	}
}
