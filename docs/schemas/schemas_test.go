// Package schemas holds the JSON Schemas of the documents that `-o json` writes.
// They are generated from the Go types: go test ./docs/schemas -update.
package schemas

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	generator "github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/verify"
	"github.com/honeydue/honeydue/internal/warmup"
)

var update = flag.Bool("update", false, "write the schemas")

// root is the repository's, from this folder.
const root = "../.."

// documents are those that a program may read. Each example is a golden file of
// the package that writes the document.
func documents() []document {
	return []document{
		{facts.Schema, facts.Result{}, []string{"probe/render/testdata/incident.json.golden", "probe/render/testdata/watched.json.golden"}},
		{bench.Schema, bench.Result{}, []string{"bench/testdata/pass.json", "bench/testdata/invalid.json"}},
		{bench.AblateSchema, bench.Ablation{}, []string{"bench/testdata/ablate.json"}},
		{bench.SweepSchema, bench.Sweep{}, nil},
		{warmup.Schema, warmup.Result{}, nil},
		{verify.Schema, verify.Result{}, []string{"verify/testdata/example.json.golden"}},
	}
}

type document struct {
	schema   string // as the document names it, such as honeydue.probe/1
	data     any    // the type of its members
	examples []string
}

// file is probe-1.json for honeydue.probe/1.
func (d document) file() string {
	return strings.ReplaceAll(strings.TrimPrefix(d.schema, "honeydue."), "/", "-") + ".json"
}

func TestSchemasMatchTheTypes(t *testing.T) {
	for _, d := range documents() {
		got := d.generate(t)
		if *update {
			if err := os.WriteFile(d.file(), got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(d.file())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: go test ./docs/schemas -update, and list a changed key in CHANGELOG.md", d.file())
		}
	}
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) != len(documents()) {
		t.Errorf("%d schemas for %d documents (%v)", len(files), len(documents()), err)
	}
}

func TestExamplesAreValid(t *testing.T) {
	for _, d := range documents() {
		compiled, err := validator.NewCompiler().Compile(d.file())
		if err != nil {
			t.Fatal(err)
		}
		for _, example := range d.examples {
			raw, err := os.ReadFile(filepath.Join(root, "internal", example))
			if err != nil {
				t.Fatal(err)
			}
			v, err := validator.UnmarshalJSON(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if err := compiled.Validate(v); err != nil {
				t.Errorf("%s: %v", example, err)
			}
			members, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%s is no object", example)
			}
			delete(members, "schema")
			if compiled.Validate(v) == nil {
				t.Errorf("%s is still valid without its schema's name", example)
			}
		}
	}
}

// generate writes the schema. A member that Go leaves out when it is empty is not
// required; a pointer, slice or map that is written all the same may be null.
func (d document) generate(t *testing.T) []byte {
	t.Helper()
	types := map[string]reflect.Type{}
	r := &generator.Reflector{AllowAdditionalProperties: true, Anonymous: true, ExpandedStruct: true}
	r.Namer = func(of reflect.Type) string {
		if of.Name() == "" {
			return "" // a slice, a map: no definition of its own
		}
		if other := types[of.Name()]; other != nil && other != of {
			t.Fatalf("%s and %s would share a definition: give one another name", of, other)
		}
		types[of.Name()] = of
		return of.Name()
	}
	for _, folder := range []string{"bench", "probe", "verify", "warmup"} {
		if err := r.AddGoComments("github.com/honeydue/honeydue/docs/schemas", root+"/internal/"+folder); err != nil {
			t.Fatal(err)
		}
	}
	s := r.Reflect(d.data)
	s.Title = d.schema
	s.ID = generator.ID("urn:" + strings.ReplaceAll(strings.ReplaceAll(d.schema, ".", ":"), "/", ":"))
	nullable(s, reflect.TypeOf(d.data))
	for name, definition := range s.Definitions {
		nullable(definition, types[name])
	}
	for _, head := range []string{"commit", "version", "schema"} { // package report writes them
		if _, own := s.Properties.Get(head); !own {
			s.Properties.Set(head, &generator.Schema{Type: "string"})
		}
	}
	name, _ := s.Properties.Get("schema")
	name.Const = d.schema
	s.Required = append([]string{"schema"}, s.Required...)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// nullable adds to the schema of a struct what the generator does not know of Go's
// encoding: an empty pointer, slice or map is null, and the members of an embedded
// pointer are left out.
func nullable(s *generator.Schema, of reflect.Type) {
	if of == nil || of.Kind() != reflect.Struct {
		return
	}
	for _, field := range reflect.VisibleFields(of) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, ok := s.Properties.Get(name)
		if !ok {
			continue
		}
		if within := field.Index[:len(field.Index)-1]; len(within) > 0 && of.FieldByIndex(within).Type.Kind() == reflect.Pointer {
			s.Required = slices.DeleteFunc(s.Required, func(required string) bool { return required == name })
		}
		if property.Items != nil && field.Type.Elem().Kind() == reflect.Pointer {
			property.Items = orNull(property.Items)
		}
		switch field.Type.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if !strings.Contains(options, "omit") {
				s.Properties.Set(name, orNull(property))
			}
		}
	}
}

func orNull(s *generator.Schema) *generator.Schema {
	description := s.Description
	s.Description = ""
	return &generator.Schema{Description: description, AnyOf: []*generator.Schema{s, {Type: "null"}}}
}
