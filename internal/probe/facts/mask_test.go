package facts

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMaskExpr(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"number with a cast", "(user_id = '7'::bigint)", "(user_id = ?::bigint)"},
		{"bare number", "(count > 41)", "(count > ?)"},
		{"negative and exponent", "(x > -1.5e+10)", "(x > -?)"},
		{"doubled quote", "(name = 'O''Brien'::text)", "(name = ?::text)"},
		{"escape string", `(name = E'a\'b c'::text)`, "(name = E?::text)"},
		{"a name that ends in e before a string", `(tablee'x\' OR 'y')`, "(tablee? OR ?"},
		{"array", "(id = ANY ('{1,2,3}'::bigint[]))", "(id = ANY (?::bigint[]))"},
		{"bytes", `(key_hash = '\x00ff'::bytea)`, "(key_hash = ?::bytea)"},
		{"parameter", "(user_id = $1)", "(user_id = $1)"},
		{"name with digits", "(t1.col2 = t2.col3)", "(t1.col2 = t2.col3)"},
		{"quoted name", `("user" = "dueDate")`, `("user" = "dueDate")`},
		{"quoted value", `("ann@example.com" = x)`, `("?" = x)`},
		{"does not close", "(x = 'secret", "(x = ?"},
		{"dollar quotes", "(x = $$secret$$)", "(x = ?"},
		{"interval", "(at > (now() - '30 days'::interval))", "(at > (now() - ?::interval))"},
		{"keywords stay", "(archived IS NOT TRUE)", "(archived IS NOT TRUE)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := MaskExpr(c.in); !strings.HasPrefix(got, c.want) {
				t.Errorf("maskExpr(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

// canaries are what must never be seen in a plan: an e-mail, a user's id, a token.
var canaries = []string{"canary.user@secret.example", "948271635", "tok_CanaryToken99"}

// TestMaskedPlansHoldNoValue puts the canaries wherever a plan may print a value, in every way that
// Postgres may quote one, and looks for them in what comes out.
func TestMaskedPlansHoldNoValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		canary := rapid.SampledFrom(canaries).Draw(t, "canary")
		expr := drawExpr(t, canary)
		plan := map[string]any{
			"Node Type": "Nested Loop", "Total Cost": 1.0,
			"Plans": []any{map[string]any{
				"Node Type": "Index Scan", "Relation Name": "users", "Total Cost": 1.0,
				rapid.SampledFrom([]string{
					"Filter", "Index Cond", "Recheck Cond", "Hash Cond", "Join Filter", "Merge Cond", "One-Time Filter", "Cache Key",
					// Fields that we do not know are dropped whole.
					"Function Call", "TID Cond", "Order By", "Output", "Remote SQL", "Something New",
				}).Draw(t, "field"): expr,
				"Sort Key": []string{expr}, "Group Key": []string{expr},
			}},
		}
		in, err := json.Marshal([]any{map[string]any{"Plan": plan, "Settings": map[string]string{"x": canary}}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParsePlan(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), canary) {
			t.Fatalf("the plan still holds %q:\n%s", canary, out)
		}
	})
}

// drawExpr writes an expression in which the canary stands where Postgres prints values: inside a string
// literal, or bare if it is a number; surrounded by whatever else.
func drawExpr(t *rapid.T, canary string) string {
	before := rapid.SampledFrom([]string{
		"(email = ", "((a)::text ~~ ", "(id = ANY (", "($1 = ", "(x = 'other'::text) AND (y = ", "(n = 'it''s') OR (m = ", `(p = E'\\') OR (q = `, "",
	}).Draw(t, "before")
	filler := rapid.StringMatching(`[a-z0-9 @.{},%_-]{0,12}`).Draw(t, "filler")
	forms := []string{
		"'" + canary + "'::text", "'" + filler + canary + filler + "'::text", "'{" + filler + "," + canary + "}'::text[]",
		"'" + filler + "''" + canary + "'", `E'` + filler + `\'` + canary + `'`, "'" + canary, `E'\\\'` + canary + `'`,
		"$$" + canary + "$$", "$tag$" + canary,
		`"` + canary + `"`,
	}
	if canary == canaries[1] {
		forms = append(forms, canary, "-"+canary, canary+".5", "("+canary+")")
	}
	after := rapid.SampledFrom([]string{")", "::bigint)", ") AND (z > 3)", ""}).Draw(t, "after")
	return before + rapid.SampledFrom(forms).Draw(t, "form") + after
}

func TestMaskMessage(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`password authentication failed for user "canary"`, "password authentication failed for user …"},
		{`invalid input syntax for type bigint: "canary"`, "invalid input syntax for type bigint: …"},
		{`no such user: 42`, "no such user: ?"},
		{`relation "tasks`, "relation …"},
	} {
		if got := MaskMessage(c.in); got != c.want {
			t.Errorf("maskMessage(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzParsePlan(f *testing.F) {
	f.Add([]byte(`[{"Plan":{"Node Type":"Seq Scan","Filter":"(a = 'x')"}}]`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		p, err := ParsePlan(b)
		if err != nil {
			return
		}
		p.Sequential()
		p.Relations()
		p.Access()
	})
}
