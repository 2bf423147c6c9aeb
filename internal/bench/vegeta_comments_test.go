package bench

import (
	"strings"
	"testing"
)

// TestACommentSeparatesTargets: a request after a comment is a target of its own, with its own method and path.
func TestACommentSeparatesTargets(t *testing.T) {
	const file = "# first\nGET http://a.example/1\nX-Header: kept\n  # between\nPOST http://a.example/2\n\n# last\nGET http://a.example/3"
	targets, err := ReadTargets(strings.NewReader(file), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range targets.shots {
		got = append(got, s.Method+" "+s.Path)
	}
	if want := "GET /1, POST /2, GET /3"; strings.Join(got, ", ") != want {
		t.Errorf("the targets are %v, want %s", got, want)
	}
	if h := targets.shots[0].Header.Get("X-Header"); h != "kept" {
		t.Errorf("the header is %q", h)
	}
}
