package api

import (
	"bytes"
	"encoding/json"
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
