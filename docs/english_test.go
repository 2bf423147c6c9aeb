// Package docs holds no code, only the tests of the project's language.
package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository, seen from this folder.
const root = ".."

// A rule is a wording that readers stumble over, and what to write instead.
type rule struct {
	wrong *regexp.Regexp
	right string
	// before and within match the text before the wording, and the wording itself, where it is fine.
	before, within *regexp.Regexp
	samples        []string
}

// word is a rule on whole words, in any case.
func word(pattern, right string, samples ...string) rule {
	return rule{wrong: regexp.MustCompile(`(?i)\b(?:` + pattern + `)\b`), right: right, samples: samples}
}

// except returns the rule for texts that do not end with before, and wordings that do not match within.
func (r rule) except(before, within string) rule {
	r.before = regexp.MustCompile(`(?i)\b(?:` + before + `)\s+$`)
	r.within = regexp.MustCompile(`(?i)` + within)
	return r
}

// fine says that the wording at a place is not the one that the rule means.
func (r rule) fine(text string, at []int) bool {
	return r.before != nil && (r.before.MatchString(text[:at[0]]) || r.within.MatchString(text[at[0]:at[1]]))
}

// rules hold for Markdown and for the strings of Go code.
type rules []rule

func projectRules() rules {
	return rules{
		word(`mend|mends|mended|mending`, "fix, fixed", "To mend HD-N11", "What mends it", "it was mended"),
		word(`remarks?`, "note", "1 remark", "Two remarks"),
		word(`dearest`, "most expensive", "Findings, the dearest first"),
		word(`beside`, "next to, in addition to, as well as", "1 note beside"),
		word(`(?:is|are) no [a-z]+`, "is not a ...", "x is no number in range", "they are no failures").
			except(`there|where`, `no (?:longer|more|less|better|worse|other|one|different)$`),
		word(`goes? with|went with`, "is caused by, belongs to", "it goes with HD-D04"),
		word(`as good as`, "an exact statement", "it is as good as gone"),
		word(`that which|whoever|whosoever|whomever|whatever (?:is|was)`, "a noun", "that which waits", "Whoever asks", "whatever is there"),
		word(`tells?|told`, "reports, shows, returns", "The probe tells what is slow", "as it was told"),
		word(`figures mean nothing`, "the measurement is invalid", "the figures mean nothing"),
		word(`sure of at least`, "95% confidence: at least", "sure of at least 86% of all"),
		word(`since (?:seconds|minutes|hours|days|weeks|months|years)`, "for hours, for weeks", "low since weeks"),
		word(`at the begin|of whom one`, "at the start, one of which", "at the begin", "two, of whom one waits"),
		word(`tak(?:e|es|ing) turns|took turns`, "alternates", "lets two servers take turns", "they took turns"),
		word(`lets in`, "accepts", "a pooler that lets in and gives no server connection"),
		word(`until now`, "previously", "until now the report was lost to it"),
		word(`remembers?|remembered`, "keeps, its local cache has", "what a pod remembers"),
		word(`mission`, "nothing: a reader cannot follow it", "the mission says"),
		word(`arrows?|crews?|furnished|glances?|manners`, "the term of docs/glossary.md", "an arrow", "the crew", "a furnished home", "a glance", "bad manners"),
		word(`borrow|borrows|borrowed|borrowings?`, "acquire a connection", "to borrow a connection", "Borrowings"),
		word(`bills?|weighs?|weighed|vouch|vouches`, "cost, size, confirms", "on the bill", "it weighs 5 MB", "a sweep vouches for it"),
		word(`promises?|promised`, "guarantee, target", "the promise", "as promised"),
		word(`floors?`, "minimum RTT", "turns x floor"),
		word(`dial(?:led|ling)|model(?:led|ling)|cancel(?:led|ling)|label(?:led|ling)|travel(?:led|ling)`, "American spelling: one l", "it was cancelled", "dialling"),
		word(`(?:col|hon|behavi|fav|neighb|lab)ours?|(?:col|hon|fav|lab)oured`, "American spelling: color, honor, behavior", "the colour", "its behaviours", "it is honoured"),
		word(`catalogues?|centres?|defence|licence|acknowledgements?|judgements?`, "American spelling: catalog, center, acknowledgment", "the catalogue"),
		word(`(?:anal|organ|recogn|real|optim|normal|initial|summar|character|util|prior|minim|maxim|synchron|author)(?:yse|yses|ysed|ysing|ise|ises|ised|ising|isation)`,
			"American spelling: analyze, organize", "never analysed", "an organisation"),
		word(`time-outs?|clean-ups?|start-up|set-up|fail-over|look-ups?|log-in`, "one word: timeout, cleanup, startup, setup, failover, lookup, login", "a time-out", "the log-in"),
		{wrong: regexp.MustCompile(`[A-Za-z]!(?:\s|$)`), right: "a period", samples: []string{"It works!", "Stop! It waits."}},
	}
}

// A hit is one wording that a rule refuses.
type hit struct {
	file string
	line int
	text string
	rule rule
}

func (h hit) String() string {
	return fmt.Sprintf("%s:%d: %q: write instead: %s", h.file, h.line, strings.TrimSpace(h.text), h.rule.right)
}

// check returns the hits in one text, which begins in the given line.
func (all rules) check(file string, line int, text string) []hit {
	var hits []hit
	for _, r := range all {
		for _, at := range r.wrong.FindAllStringIndex(text, -1) {
			if !r.fine(text, at) {
				hits = append(hits, hit{file: file, line: line + strings.Count(text[:at[0]], "\n"), text: text[at[0]:at[1]], rule: r})
			}
		}
	}
	return hits
}

var (
	command = regexp.MustCompile("(?m)^(?:[^#\n]|#[^#\n])*")
	fence   = regexp.MustCompile("(?ms)^[ >]*```.*?^[ >]*```[ ]*$")
	code    = regexp.MustCompile("(?s)`[^`]+`")
	// jsonName is a contract, and stays what it is when the texts around it change.
	jsonName = regexp.MustCompile(`\bjson:"[^"]*"`)
	target   = regexp.MustCompile(`\]\([^)]*\)|https?://\S+|<!--.*?-->`)
)

// markdown returns the hits in the prose of a page: not in code, which is quoted as it is, nor in addresses.
func (all rules) markdown(file, text string) []hit {
	for _, quoted := range []*regexp.Regexp{fence, code, target} {
		text = quoted.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) + "x" })
	}
	return all.check(file, 1, text)
}

// golang returns the hits in the strings of a Go file. Literals that are added are one text.
func (all rules) golang(file, source string) ([]hit, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	named := map[ast.Expr]bool{}
	var hits []hit
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			named[n.Tag] = n.Tag != nil
		case ast.Expr:
			text, whole := joined(n)
			if named[n] {
				text = jsonName.ReplaceAllString(text, "")
			}
			hits = append(hits, all.check(file, set.Position(n.Pos()).Line, text)...)
			return !whole
		}
		return true
	})
	return hits, nil
}

// joined returns the text of string literals and of sums of them; false if a part is something else.
func joined(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			if text, err := strconv.Unquote(e.Value); err == nil {
				return text, true
			}
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			x, wholeX := joined(e.X)
			y, wholeY := joined(e.Y)
			if wholeX && wholeY {
				return x + y, true
			}
		}
	}
	return "", false
}

// data has the words of seeded rows: the same seed has to give the same rows in every release.
func data() []string {
	return []string{"internal/store/seedgrammar.go", "internal/store/seedwords.go", "internal/seed"}
}

func inside(path string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

// TestTextsArePlainEnglish reads all Markdown and shell scripts, and the strings of all Go code but tests.
func TestTextsArePlainEnglish(t *testing.T) {
	pages, sources := 0, 0
	all := projectRules()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if name == ".git" || name == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		makefile := name == "Makefile" // the descriptions of its targets
		markdown := strings.HasSuffix(name, ".md") || makefile
		script := strings.HasSuffix(name, ".sh")
		if !markdown && !script && (!strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go")) || inside(name, data()) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var hits []hit
		switch {
		case markdown:
			pages++
			if makefile {
				text = command.ReplaceAll(text, nil)
			}
			hits = all.markdown(name, string(text))
		case script:
			hits = all.check(name, 1, string(text))
		default:
			sources++
			if hits, err = all.golang(name, string(text)); err != nil {
				return err
			}
		}
		for _, h := range hits {
			t.Error(h)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages == 0 || sources == 0 {
		t.Fatalf("%d pages and %d Go files were read", pages, sources)
	}
}

// TestEachWordingIsRefused plants each wording in a page and in a Go file, and where it is quoted or no text.
func TestEachWordingIsRefused(t *testing.T) {
	all := projectRules()
	for _, r := range all {
		if len(r.samples) == 0 {
			t.Errorf("no sample of %s", r.wrong)
		}
		for _, sample := range r.samples {
			page := "# A page\n\nIts first line passes.\n" + sample + "\n\n```text\n" + sample + "\n```\n\nIn code: `" + sample + "`.\n"
			source := "package a\n\n// " + sample + "\nfunc f(n int) string {\n\treturn g(n) +\n\t\t" + strconv.Quote(sample) + "\n}\n"
			inGo, err := all.golang("a.go", source)
			if err != nil {
				t.Fatal(err)
			}
			for file, got := range map[string][]hit{"page.md:4: ": all.markdown("page.md", page), "a.go:6: ": inGo} {
				if len(got) != 1 || !strings.HasPrefix(got[0].String(), file) || !strings.HasSuffix(got[0].String(), r.right) {
					t.Errorf("%q in %s found as %v", sample, file, got)
				}
			}
		}
	}
}

// TestWordingsThatAreFine: a wording that only looks like one that is refused, or that is split over two literals.
func TestWordingsThatAreFine(t *testing.T) {
	all := projectRules()
	for text, want := range map[string]int{
		"There is no file. It is no longer there.":        0,
		"[a page](https://example.com/remark) recommends": 0,
		"<!-- a remark -->":                               0,
		"x != y, and !z":                                  0,
		"Two remarks":                                     1,
	} {
		if got := all.markdown("page.md", text); len(got) != want {
			t.Errorf("%q: %v, want %d", text, got, want)
		}
	}
	got, err := all.golang("a.go", "package a\n\nimport _ \"example.com/remark\"\n\nconst c = \"the port is \" +\n\t\"no number\"\n")
	if err != nil || len(got) != 1 {
		t.Errorf("%v, %v: want one hit, in the text over two lines", got, err)
	}
	got, err = all.golang("a.go", "package a\n\ntype s struct {\n\tA int `json:\"remarks\" doc:\"Two remarks\"`\n}\n\nconst c = `json:\"remarks\"`\n")
	if err != nil || len(got) != 2 || got[0].line != 4 || got[1].line != 7 {
		t.Errorf("%v, %v: want two hits, in the description of a field and in a text, and none in the field's JSON name", got, err)
	}
}
