package store

import (
	"strings"
	"testing"
)

func TestThroughPooler(t *testing.T) {
	for _, c := range []struct {
		host               string
		announced, backend uint32
		pooled             bool
		how                string
	}{
		{"localhost", 7, 7, false, "ran in that backend"},
		{"localhost", 7, 8, true, "ran in backend 8"},
		{"ep-calm-sea-123456.eu-central-1.aws.neon.tech", 7, 8, false, "does not end in -pooler"},
		{"ep-calm-sea-123456-pooler.eu-central-1.aws.neon.tech", 7, 8, true, "ends in -pooler"},
		{"ep-calm-sea-123456-pooler.eu-central-1.aws.neon.tech", 7, 7, true, "ends in -pooler"},
		{"EP-calm-sea-123456-POOLER.neon.tech.", 7, 8, true, "ends in -pooler"},
		{"ep-calm-sea-123456.neon.tech", 7, 8, false, "does not end in -pooler"},
		{"ep-calm-sea-123456-pooler.notneon.tech", 7, 7, false, "ran in that backend"},
		{"neon.tech", 7, 8, true, "ran in backend 8"},
		{"ep-calm-sea-123456-pooler.neon.tech.example", 7, 7, false, "ran in that backend"},
		{"", 7, 8, true, "ran in backend 8"},
	} {
		pooled, how := ThroughPooler(c.host, c.announced, c.backend)
		if pooled != c.pooled || !strings.Contains(how, c.how) {
			t.Errorf("%s, %d and %d: %v, %q", c.host, c.announced, c.backend, pooled, how)
		}
		var p Proof
		p.add(proved{host: c.host, announced: c.announced, backend: c.backend})
		if p.ThroughPooler != c.pooled || p.How != how {
			t.Errorf("Open's proof is %+v, want %v, %q", p, c.pooled, how)
		}
	}
}

func TestNeonPooler(t *testing.T) {
	for host, want := range map[string]string{
		"ep-calm-sea-123456.eu-central-1.aws.neon.tech":        "ep-calm-sea-123456-pooler.eu-central-1.aws.neon.tech",
		"ep-calm-sea-123456-pooler.eu-central-1.aws.neon.tech": "",
		"db.example.org": "",
		"localhost":      "",
	} {
		if got := NeonPooler(host); got != want {
			t.Errorf("beside %s stands %q, want %q", host, got, want)
		}
	}
}
