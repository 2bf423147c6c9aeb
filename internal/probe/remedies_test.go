package probe

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRemediesNameTheirTarget: a command that is pasted must not go to another Redis or another namespace than the
// app's: each redis-cli has -u, each kubectl -n or -A. Checks and pages are read as they are written.
func TestRemediesNameTheirTarget(t *testing.T) {
	redis := regexp.MustCompile(`redis-cli (-u \\?"\$REDIS_URL\\?" )?[A-Z-]`)
	kubectl := regexp.MustCompile(`kubectl (-n \S+ )?(get|logs|set|describe|exec|rollout|patch|top|port-forward|edit|delete|scale)\b([^` + "`" + `\n]*)`)
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "runbooks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range append(pages, sources...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range redis.FindAllStringSubmatch(string(text), -1) {
			if seen++; m[1] == "" {
				t.Errorf("%s: %q names no Redis", name, m[0])
			}
		}
		for _, m := range kubectl.FindAllStringSubmatch(string(text), -1) {
			seen++
			rest := strings.TrimSpace(m[3])
			anywhere := strings.HasPrefix(rest, "--raw") || strings.HasPrefix(rest, "nodes") || strings.Contains(rest, " -A") || rest == "" // a verb's name
			if m[1] == "" && !anywhere {
				t.Errorf("%s: %q names no namespace", name, m[0])
			}
			if strings.Contains(rest, "limits=cpu=0") {
				t.Errorf("%s: the API refuses %q where a request is set", name, m[0])
			}
		}
	}
	if seen < 60 {
		t.Errorf("%d commands were looked at", seen)
	}
}
