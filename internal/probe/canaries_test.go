package probe_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/probe/render"
	"github.com/honeydue/honeydue/internal/report"
)

// The canaries of every test's database: whatever of them is printed was read from a row, a URL or a variable.
const (
	canaryPassword = "canary-Password-41"
	// canaryToken is the one that a probe of a running server sends, where a test gives no real one.
	canaryToken = "canary-token-7c1f"
	// seedMail is how every seeded user's e-mail ends; seed.example is nowhere else.
	seedMail = "@seed.example"
)

// lookForSecrets renders a result in every form and looks for what no output may hold: the passwords of all URLs,
// the token, the canaries of the seed, and more of the test's own.
func lookForSecrets(t *testing.T, c facts.Config, r facts.Result, more ...string) {
	t.Helper()
	d := render.Document(r)
	formats := d.Formats()
	if len(formats) < 5 {
		t.Errorf("only the forms %v were searched for secrets", formats)
	}
	for _, format := range formats {
		var out bytes.Buffer
		if err := report.Write(&out, format, d, report.Options{}); err != nil {
			t.Fatal(err)
		}
		noSecret(t, c, string(format), out.String(), more...)
	}
	for what, own := range map[string]report.Document{"the terminal's form": render.Terminal(r, false), "a round's form": render.Moving(r)} {
		var out bytes.Buffer
		if err := report.Write(&out, report.FormatTable, own, report.Options{}); err != nil {
			t.Fatal(err)
		}
		noSecret(t, c, what, out.String(), more...)
	}
	// A name that a form leaves out is in the data all the same.
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	noSecret(t, c, "data", string(raw), more...)
}

// noSecret fails if a text holds a secret of the configuration or one of the canaries.
func noSecret(t *testing.T, c facts.Config, what, text string, more ...string) {
	t.Helper()
	for _, around := range secretsIn(c, text, more...) {
		t.Errorf("%s shows a secret: …%s…", what, around)
	}
}

// secretsIn lists the secrets in a text, each by what stands around it.
func secretsIn(c facts.Config, text string, more ...string) (out []string) {
	for _, secret := range append(secretsOf(c), more...) {
		if at := strings.Index(text, secret); secret != "" && at >= 0 {
			around := text[max(0, at-60):min(len(text), at+len(secret)+60)]
			out = append(out, strings.ReplaceAll(around, secret, "<SECRET>"))
		}
	}
	for _, shape := range []*regexp.Regexp{userID, hash} {
		if found := shape.FindString(text); found != "" {
			out = append(out, "a user's id, or a token's hash: "+found)
		}
	}
	return out
}

// userID is how a plan or a message would show whose rows they are.
var userID = regexp.MustCompile(`(?:user_id|owner_id|created_by|completed_by|residence_id)[^a-z?$]{1,6}'?\d+`)

// hash is how a token's hash looks, in whatever notation.
var hash = regexp.MustCompile(`[0-9a-fA-F]{32,}`)

// passwordIn finds a password in a URL or in a keyword=value string that no parser takes.
var passwordIn = regexp.MustCompile(`(?:://[^/@\s]*:([^@/\s]+)@|password='?([^'\s]+))`)

// leastCanary is how long a password is that no sentence holds by chance.
const leastCanary = 8

func secretsOf(c facts.Config) []string {
	out := []string{canaryPassword, canaryToken, seedMail, c.Token}
	for _, raw := range []string{c.URL, c.DirectURL, c.AdminURL, c.RedisURL, c.TargetURL, c.MetricsURL} {
		for _, m := range passwordIn.FindAllStringSubmatch(raw, -1) {
			password := m[1] + m[2]
			// A short one is a word that the report may say for itself: give canaries that are none.
			if len(password) < leastCanary {
				continue
			}
			out = append(out, password)
			if plain, err := url.QueryUnescape(password); err == nil {
				out = append(out, plain)
			}
		}
	}
	return out
}

// TestEveryProbeIsSearched requires lookForSecrets once for each probe.Run in a function of these tests, so that no
// output goes unread. A configuration that names no server has no output.
func TestEveryProbeIsSearched(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	probes := 0
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			ran, searched := probesIn(d)
			probes += ran
			if ran > searched {
				t.Errorf("%s: %s calls probe.Run %d times and lookForSecrets %d times: use run, which does both", file, declared(d), ran, searched)
			}
		}
	}
	if probes == 0 {
		t.Error("no probe was found in the tests")
	}
}

// TestUnsearchedProbesAreFound plants what TestEveryProbeIsSearched has to see.
func TestUnsearchedProbesAreFound(t *testing.T) {
	for body, want := range map[string][2]int{
		"probe.Run(t.Context(), c)":                                     {1, 0},
		"r, err := probe.Run(ctx, facts.Config{URL: url})":              {1, 0},
		"go func() { probe.Run(ctx, *c) }()":                            {1, 0},
		"probe.Run(ctx, c); probe.Run(ctx, c); lookForSecrets(t, c, r)": {2, 1},
		"probe.Run(ctx, facts.Config{})":                                {0, 0},
		"run(t, c)":                                                     {0, 0},
	} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "planted_test.go", "package probe_test\nfunc f() { "+body+" }", parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if ran, searched := probesIn(parsed.Decls[0]); [2]int{ran, searched} != want {
			t.Errorf("%s: %d probes and %d searches were counted, want %v", body, ran, searched, want)
		}
	}
}

// probesIn counts the calls of probe.Run that return something to search, and those of lookForSecrets.
func probesIn(d ast.Decl) (ran, searched int) {
	ast.Inspect(d, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.Ident:
			if f.Name == "lookForSecrets" {
				searched++
			}
		case *ast.SelectorExpr:
			of, isName := f.X.(*ast.Ident)
			if !isName || of.Name != "probe" || f.Sel.Name != "Run" {
				break
			}
			if c, isLiteral := call.Args[len(call.Args)-1].(*ast.CompositeLit); !isLiteral || len(c.Elts) > 0 {
				ran++
			}
		}
		return true
	})
	return ran, searched
}

func declared(d ast.Decl) string {
	if f, ok := d.(*ast.FuncDecl); ok {
		return f.Name.Name
	}
	return "a declaration"
}

// TestTheSearchForSecretsFindsThem plants each secret in a result: a search that finds nothing proves nothing.
func TestTheSearchForSecretsFindsThem(t *testing.T) {
	c := facts.Config{
		URL: "postgres://web:pass%2Fone@h/db", DirectURL: "host=x password='pass-two' user=y",
		RedisURL: "redis://:pass-three@h", TargetURL: "http://u:pass-four@h/", Token: "a-real-token",
	}
	for _, secret := range []string{
		"pass%2Fone", "pass/one", "pass-two", "pass-three", "pass-four", "a-real-token",
		canaryPassword, canaryToken, "seed-7" + seedMail, "(user_id = '7'::bigint)", "owner_id=41", "residence_id = 3",
		`(key_hash = '\x` + strings.Repeat("0badcafe", 8) + `'::bytea)`,
	} {
		if len(secretsIn(c, "before "+secret+" after")) == 0 {
			t.Errorf("%q is not found", secret)
		}
	}
	const harmless = "(user_id = $1) (residence_id = ?::bigint) tasks_residence_idx on tasks (residence_id, completed_at)"
	if found := secretsIn(c, harmless); len(found) > 0 {
		t.Errorf("a masked plan is taken for a secret: %q", found)
	}
}
