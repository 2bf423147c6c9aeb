package probe

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
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
		failed    kind
	}{
		{"http", plain.URL, nil, []string{"tcp", "first_answer"}, 2, ""},
		{"a name", strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), nil, []string{"dns", "tcp", "first_answer"}, 2, ""},
		{"https", secure.URL, trusted, []string{"tcp", "tls", "first_answer"}, 3, ""},
		{"not trusted", secure.URL, x509.NewCertPool(), []string{"tcp"}, 1, kindCertificate},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := probeWeb(t.Context(), Config{TargetURL: c.url}, c.roots)
			var phases []string
			for _, p := range s.endpoint.Phases {
				phases = append(phases, p.Name)
			}
			if !slices.Equal(phases, c.phases) || s.endpoint.ConnectTurns != c.turns {
				t.Errorf("phases %v in %d turns, want %v in %d", phases, s.endpoint.ConnectTurns, c.phases, c.turns)
			}
			if c.failed != "" {
				if s.failed == nil || s.failed.kind != c.failed || s.endpoint.Error == "" {
					t.Fatalf("the failure is %v", s.failed)
				}
				o := &observation{pooler: &pgServer{}, ways: waysFacts{web: s}}
				out := certificateEnds(o)
				if len(out.hits) != 1 || !strings.Contains(out.hits[0].evidence, "The certificate of target is rejected") {
					t.Errorf("HD-N09 says %+v", out)
				}
				return
			}
			if s.failed != nil || s.endpoint.FloorMS <= 0 {
				t.Errorf("failed %v, floor %v", s.failed, s.endpoint.FloorMS)
			}
			if (s.endpoint.TLS != nil) != (c.roots != nil) {
				t.Errorf("its TLS is %+v", s.endpoint.TLS)
			}
		})
	}
}
