package probe

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/probe/render"
	"github.com/honeydue/honeydue/internal/report"
)

// TestEveryFormNamesTheCluster probes what is down, with a kubectl that has a current context of its own.
func TestEveryFormNamesTheCluster(t *testing.T) {
	dir := t.TempDir()
	command := filepath.Join(dir, "kubectl")
	script := "#!/bin/sh\ncase \"$*\" in 'config current-context') echo staging/eu;; *) echo '{\"items\":[]}';; esac\n"
	if err := os.WriteFile(command, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), facts.Config{
		RedisURL: "redis://127.0.0.1:1/0", TargetURL: "http://127.0.0.1:1", Cluster: &facts.Cluster{Kubectl: []string{command}, Namespace: "x"}, Window: -1,
	})
	if err != nil || len(r.Findings) < 2 {
		t.Fatal(r.Findings, err)
	}
	for _, format := range render.Document(r).Formats() {
		var out bytes.Buffer
		if err := report.Write(&out, format, render.Document(r), report.Options{}); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); strings.Contains(text, "-n honeydue") || strings.Contains(text, "kubectl -n") || strings.Contains(text, "CONTEXT") {
			t.Errorf("%s: %s", format, text)
		}
	}
	for _, f := range r.Findings {
		if !strings.HasPrefix(f.Remedy, "kubectl --context staging/eu -n x ") {
			t.Errorf("%s: %s", f.Code, f.Remedy)
		}
	}
}
