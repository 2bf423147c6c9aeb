package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date; look at the difference after: go test ./internal/api -update", path)
	}
}

// openAPI is what the tests look at in the document.
type openAPI struct {
	Paths map[string]map[string]struct {
		Parameters []struct{ Name, In string }
		Responses  map[string]any
		Security   []any
	}
	Components struct {
		Schemas map[string]struct{ Properties map[string]any }
	}
}

func document(t *testing.T) ([]byte, openAPI) {
	t.Helper()
	s, err := New(Config{Version: "golden"})
	if err != nil {
		t.Fatal(err)
	}
	var doc openAPI
	if err := json.Unmarshal(s.Document(), &doc); err != nil {
		t.Fatal(err)
	}
	return s.Document(), doc
}

func TestDocumentIsGolden(t *testing.T) {
	raw, _ := document(t)
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	golden(t, filepath.Join("testdata", "openapi.golden.json"), b.Bytes())
}

func TestBudgetTable(t *testing.T) {
	golden(t, filepath.Join("..", "..", "docs", "turn-budgets.md"), []byte(BudgetTable()))
}

// TestDocumentIsOpenAPI31 holds the document against the standard's own schema
// (testdata/openapi-3.1.schema.json, spec.openapis.org/oas/3.1/schema/2022-10-07),
// and each schema in it against JSON Schema 2020-12.
func TestDocumentIsOpenAPI31(t *testing.T) {
	raw, doc := document(t)
	c := jsonschema.NewCompiler()
	standard, err := c.Compile(filepath.Join("testdata", "openapi-3.1.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := standard.Validate(value); err != nil {
		t.Errorf("%v", err)
	}
	if err := c.AddResource("urn:doc", value); err != nil {
		t.Fatal(err)
	}
	schemas := doc.Components.Schemas
	for name := range schemas {
		if _, err := c.Compile("urn:doc#/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
	for _, theirs := range []string{"ErrorModel", "ErrorDetail"} {
		if _, ok := schemas[theirs]; ok || bytes.Contains(raw, []byte(theirs)) {
			t.Errorf("huma's %s is in the document", theirs)
		}
	}
}

// TestDocumentHasEveryRoute, and each says what it needs and how it fails.
func TestDocumentHasEveryRoute(t *testing.T) {
	_, doc := document(t)
	listed := 0
	for _, item := range doc.Paths {
		listed += len(item)
	}
	wantListed := 0
	for _, r := range Routes() {
		if r.operation == nil {
			continue
		}
		wantListed++
		op, ok := doc.Paths[r.Path][strings.ToLower(r.Method)]
		if !ok {
			t.Errorf("%s %s is not in the document", r.Method, r.Path)
			continue
		}
		outcomes := 2
		if r.Hot {
			outcomes = 3 // and 304
		}
		if _, ok := op.Responses["default"]; !ok || len(op.Responses) != outcomes {
			t.Errorf("%s: responses %v, want success, default and for a hot list 304", r.ID, op.Responses)
		}
		if secured := len(op.Security) > 0; secured != r.Auth() {
			t.Errorf("%s: security is stated: %v, needs %q", r.ID, secured, r.Needs)
		}
		for _, name := range []string{"id", "user_id", "completion_id"} {
			declared := false
			for _, p := range op.Parameters {
				declared = declared || p.Name == name && p.In == "path"
			}
			if strings.Contains(r.Path, "{"+name+"}") != declared {
				t.Errorf("%s: the path parameter %s is not declared as the path has it", r.ID, name)
			}
		}
	}
	if listed != wantListed {
		t.Errorf("%d operations in the document, %d in the table", listed, wantListed)
	}
}

// TestDocumentIsSnakeCase: every property of every schema.
func TestDocumentIsSnakeCase(t *testing.T) {
	_, doc := document(t)
	for name, s := range doc.Components.Schemas {
		for p := range s.Properties {
			if !snakeCase.MatchString(p) {
				t.Errorf("%s.%s is not snake_case", name, p)
			}
		}
	}
}

// TestDocsNeedNothingFromElsewhere: the page works offline.
func TestDocsNeedNothingFromElsewhere(t *testing.T) {
	for _, sign := range []string{"src=", "href=", "@import", "//cdn", "https://", "http://"} {
		if bytes.Contains(docsPage, []byte(sign)) {
			t.Errorf("the page contains %q", sign)
		}
	}
}
