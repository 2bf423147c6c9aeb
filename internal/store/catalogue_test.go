package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sqlText is what no string outside the catalogue may look like.
func sqlText() *regexp.Regexp {
	return regexp.MustCompile(`\b(SELECT|INSERT INTO|DELETE FROM|UPDATE \w+ SET|UPDATE \w+ \w+ SET|TRUNCATE|RETURNING|LEFT JOIN)\b`)
}

// mayHoldSQL tells the files that write statements of their own: they run once,
// on the direct endpoint, and nothing explains them.
func mayHoldSQL(file string) bool {
	return strings.HasPrefix(file, "seed") || strings.HasPrefix(file, "migrate")
}

func parsePackage(t *testing.T) (*token.FileSet, map[string]*ast.File) {
	t.Helper()
	fset, files := token.NewFileSet(), map[string]*ast.File{}
	entries, err := filepath.Glob("*.go")
	check(t, err)
	for _, name := range entries {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		check(t, err)
		files[name] = f
	}
	return fset, files
}

// queryVars finds the package's Query values and every node inside them.
func queryVars(files map[string]*ast.File) (names []string, inside map[ast.Node]bool) {
	inside = map[ast.Node]bool{}
	for _, f := range files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				v, ok := s.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, value := range v.Values {
					lit, ok := value.(*ast.CompositeLit)
					if !ok {
						continue
					}
					if id, ok := lit.Type.(*ast.Ident); !ok || id.Name != "Query" {
						continue
					}
					names = append(names, v.Names[i].Name)
					ast.Inspect(lit, func(n ast.Node) bool { inside[n] = true; return true })
				}
			}
		}
	}
	return names, inside
}

// TestNoStatementOutsideTheCatalogue: what is SQL is in a Query value, or is a
// constant that only Query values use.
func TestNoStatementOutsideTheCatalogue(t *testing.T) {
	fset, files := parsePackage(t)
	_, inside := queryVars(files)
	shared := map[string]bool{}
	for name, f := range files {
		if mayHoldSQL(name) {
			continue
		}
		var constant string
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.ValueSpec); ok && len(s.Names) == 1 {
				constant = s.Names[0].Name
			}
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING || inside[lit] || !sqlText().MatchString(lit.Value) {
				return true
			}
			if strings.HasSuffix(constant, "CTE") || strings.HasSuffix(constant, "Columns") {
				shared[constant] = true
				return true
			}
			t.Errorf("%s: SQL outside a Query value: %s", fset.Position(lit.Pos()), lit.Value)
			return true
		})
	}
	for name, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.ValueSpec); ok && shared[s.Names[0].Name] {
				return false // its declaration
			}
			if id, ok := n.(*ast.Ident); ok && shared[id.Name] && !inside[id] {
				t.Errorf("%s: %s is used outside a Query value (%s)", fset.Position(id.Pos()), id.Name, name)
			}
			return true
		})
	}
	if len(shared) == 0 {
		t.Error("the access rules were not found; has the scan gone blind?")
	}
}

func TestCatalogueIsCompleteAndNamed(t *testing.T) {
	_, files := parsePackage(t)
	vars, _ := queryVars(files)
	catalogue := Catalogue()
	if len(vars) != len(catalogue) {
		t.Errorf("%d Query values are declared, %d are in the catalogue", len(vars), len(catalogue))
	}
	// Each declared value is named in Catalogue's body.
	listed := map[string]int{}
	ast.Inspect(files["query.go"], func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && slices.Contains(vars, id.Name) {
			listed[id.Name]++
		}
		return true
	})
	for _, v := range vars {
		if listed[v] != 1 {
			t.Errorf("%s is listed %d times", v, listed[v])
		}
	}
	seen := map[string]bool{}
	for _, q := range catalogue {
		if seen[q.Name] {
			t.Errorf("the name %s is used twice", q.Name)
		}
		seen[q.Name] = true
		if StatementName(q.SQL) != q.Name {
			t.Errorf("%s: its text begins with the name %q", q.Name, StatementName(q.SQL))
		}
		if q.Sample == nil {
			t.Errorf("%s has no sample arguments", q.Name)
		}
		writes := regexp.MustCompile(`\b(INSERT INTO|DELETE FROM|UPDATE)\b`).MatchString(strings.ReplaceAll(q.SQL, "FOR UPDATE", ""))
		if writes != q.Write {
			t.Errorf("%s: Write is %v", q.Name, q.Write)
		}
	}
	var hot []string
	for _, q := range catalogue {
		if q.Hot {
			hot = append(hot, q.Name)
		}
	}
	if want := []string{"auth_lookup", "task_board", "residence_list", "contractor_list", "document_list"}; !slices.Equal(hot, want) {
		t.Errorf("hot statements are %v, want %v", hot, want)
	}
}

// TestOnlyOneFileTouchesThePool: turns are charged in one place, and idle.go takes connections that no request uses.
func TestOnlyOneFileTouchesThePool(t *testing.T) {
	fset, files := parsePackage(t)
	for name, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			inner, ok := sel.X.(*ast.SelectorExpr)
			if !ok || inner.Sel.Name != "pool" {
				return true
			}
			if !slices.Contains([]string{"borrow.go", "idle.go", "open.go", "ping.go"}, name) || slices.Contains([]string{"Query", "QueryRow", "Exec", "SendBatch", "Begin", "BeginTx", "CopyFrom", "Ping"}, sel.Sel.Name) {
				t.Errorf("%s: the pool is used outside borrow", fset.Position(sel.Pos()))
			}
			return true
		})
	}
}
