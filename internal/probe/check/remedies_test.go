package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPagesFindTheEndpoint: with the environment of 'honeydue lab env' there is a DATABASE_URL and no DB_HOST, so pages take the
// address out of the URL.
func TestPagesFindTheEndpoint(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "..", "..", "docs", "runbooks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	take := regexp.MustCompile(`(?m)^HOSTPORT=.*$`)
	seen := 0
	for _, name := range pages {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "HOSTPORT") {
			seen++
			for url, want := range map[string]string{
				"postgres://u:p@db.example.com:6432/x?sslmode=require": "db.example.com:6432", "postgres://u:p@db.example.com/x": "db.example.com:5432", "postgres://u:p@10.0.0.1:1?a=b": "10.0.0.1:1",
			} {
				sh := exec.CommandContext(t.Context(), "sh", "-c", take.FindString(string(text))+"\nprintf %s \"$HOSTPORT\"")
				sh.Env = append(os.Environ(), "DATABASE_URL="+url)
				if out, err := sh.CombinedOutput(); err != nil || string(out) != want {
					t.Errorf("%s finds %q in %s: %v", name, out, url, err)
				}
			}
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `"$DB_HOST`) && !strings.HasPrefix(line, "HOSTPORT=") {
				t.Errorf("%s: %q needs DB_HOST", name, line)
			}
		}
	}
	if seen < 10 {
		t.Errorf("%d pages ask an endpoint", seen)
	}
}

// TestRemediesNameTheirTarget: a command that is pasted must not go to another Redis or another namespace than the
// app's: each redis-cli has -u, each kubectl -n or -A. Checks and pages are read as they are written. A page knows no
// cluster, so its commands name a context that kubectl refuses; the checks' commands get theirs in placement.name.
func TestRemediesNameTheirTarget(t *testing.T) {
	redis := regexp.MustCompile(`redis-cli (-u \\?"\$REDIS_(?:ADMIN_)?URL\\?" )?[A-Z-]`)
	kubectl := regexp.MustCompile(`kubectl (--context CONTEXT )?(-n \S+ )?(get|logs|set|describe|exec|rollout|patch|top|port-forward|edit|delete|scale)\b([^` + "`" + `\n]*)`)
	pages, err := filepath.Glob(filepath.Join("..", "..", "..", "docs", "runbooks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	// Each package of probe may hold the text of a command: facts does as well.
	sources, err := filepath.Glob(filepath.Join("..", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := filepath.Glob(filepath.Join("..", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range slices.Concat(pages, sources, own) {
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
			rest := strings.TrimSpace(m[4])
			anywhere := strings.HasPrefix(rest, "--raw") || strings.HasPrefix(rest, "nodes") || strings.Contains(rest, " -A") || rest == "" // a verb's name
			if m[2] == "" && !anywhere {
				t.Errorf("%s: %q names no namespace", name, m[0])
			}
			if page := strings.HasSuffix(name, ".md"); page != (m[1] != "") && rest != "" && !strings.HasPrefix(rest, "--raw") {
				t.Errorf("%s: %q should name the context in a page, and only there", name, m[0])
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
