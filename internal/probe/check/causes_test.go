package check

import (
	"slices"
	"strings"
	"testing"
)

// TestCausesNameCodes requires that the table names codes that exist, in an order in which no circle is possible.
func TestCausesNameCodes(t *testing.T) {
	codes := Codes()
	edges := map[string][]string{}
	for _, c := range causes() {
		edges[c.Code] = append(edges[c.Code], c.Explains...)
		if (c.When == nil) == (c.enough == "") {
			t.Errorf("%s explains %v: it needs a condition, or a reason why the codes are enough", c.Code, c.Explains)
		}
		for _, code := range append([]string{c.Code}, c.Explains...) {
			if !slices.Contains(codes, code) {
				t.Errorf("the table of causes names %s, which is no check", code)
			}
		}
	}
	var walk func(code string, path []string)
	walk = func(code string, path []string) {
		if slices.Contains(path, code) {
			t.Fatalf("the table of causes goes round: %s", strings.Join(append(path, code), " explains "))
		}
		for _, next := range edges[code] {
			walk(next, append(slices.Clone(path), code))
		}
	}
	for code := range edges {
		walk(code, nil)
	}
}
