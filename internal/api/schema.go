package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/honeydue/honeydue/internal/household"
)

// Kinds of text whose values the domain lists: the document and the validation
// take them from there, so that the lists cannot drift apart.
type (
	categorySchema  struct{}
	prioritySchema  struct{}
	frequencySchema struct{}
)

func (categorySchema) Schema(huma.Registry) *huma.Schema  { return oneOf(household.Categories()) }
func (prioritySchema) Schema(huma.Registry) *huma.Schema  { return oneOf(household.Priorities()) }
func (frequencySchema) Schema(huma.Registry) *huma.Schema { return oneOf(household.Frequencies()) }

func oneOf[T ~string](values []T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

func newRegistry() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	r.RegisterTypeAlias(reflect.TypeFor[household.Category](), reflect.TypeFor[categorySchema]())
	r.RegisterTypeAlias(reflect.TypeFor[household.Priority](), reflect.TypeFor[prioritySchema]())
	r.RegisterTypeAlias(reflect.TypeFor[household.Frequency](), reflect.TypeFor[frequencySchema]())
	return r
}

var errNUL = errors.New("text must not contain the character U+0000")

// unmarshal reads a body. Postgres cannot store U+0000 in text, so it is
// refused here for every field at once.
func unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	if parsed, generic := v.(*any); generic && bytes.Contains(data, []byte(`\u0000`)) && hasNUL(*parsed) {
		return errNUL
	}
	return nil
}

func hasNUL(v any) bool {
	switch v := v.(type) {
	case string:
		return bytes.IndexByte([]byte(v), 0) >= 0
	case []any:
		for _, e := range v {
			if hasNUL(e) {
				return true
			}
		}
	case map[string]any:
		for k, e := range v {
			if hasNUL(k) || hasNUL(e) {
				return true
			}
		}
	}
	return false
}

// marshal writes JSON without escaping <, > and &: this is not HTML.
func marshal(v any) ([]byte, error) {
	if b, ok := v.(BoardOrTasks); ok {
		v = b.any // a MarshalJSON of its own would have encoding/json read all of it once more
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// encode writes a whole reply, whose length is known by then.
func encode(w io.Writer, v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	if reply, ok := w.(http.ResponseWriter); ok {
		reply.Header().Set("Content-Length", strconv.Itoa(len(b)))
	}
	_, err = w.Write(b)
	return err
}
