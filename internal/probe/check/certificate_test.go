package check

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestCertificateEndsSoon: what is left is judged by the whole life, so that a mesh's certificate of a day, which is
// renewed each day, is no warning for ever.
func TestCertificateEndsSoon(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name       string
		life, left time.Duration
		found      int
		says       string
	}{
		{"a year", 365 * day, 15 * day, 0, ""},
		{"a year, at its end", 365 * day, 13*day + time.Hour, 1, "in 13 days"},
		{"90 days, renewed at a third", 90 * day, 29 * day, 0, ""},
		{"90 days, not renewed", 90 * day, 13 * day, 1, ""},
		{"a mesh's", day, 7 * time.Hour, 0, ""},
		{"a mesh's, not renewed", day, 3 * time.Hour, 1, "in 3 h"},
		{"six days", 6 * day, 47 * time.Hour, 0, ""},
		{"six days, not renewed", 6 * day, 23 * time.Hour, 1, "in 23 h"},
		{"ended", day, -time.Hour, 1, ""},
	} {
		ends := time.Now().Add(c.left)
		o := &facts.Observation{Pooler: &facts.PGServer{Endpoint: facts.Endpoint{Name: "pooler", TLS: &facts.TLS{NotBefore: ends.Add(-c.life), NotAfter: ends}}}}
		out := CertificateEnds(o)
		if len(out.Hits) != c.found {
			t.Errorf("%s: %+v, want %d found", c.name, out, c.found)
			continue
		}
		if c.found > 0 && !strings.Contains(out.Hits[0].Evidence, c.says) {
			t.Errorf("%s: it says %q, want %q in it", c.name, out.Hits[0].Evidence, c.says)
		}
	}
}
