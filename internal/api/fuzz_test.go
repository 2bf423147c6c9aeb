package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/honeydue/honeydue/internal/household"
)

func FuzzBearer(f *testing.F) {
	for _, s := range []string{"", "Token abc", "bearer  x ", "Basic dTpw", "Token", "Token \x00", "Bearer a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token, err := bearer(header)
		if err == nil && (token == "" || token != strings.TrimSpace(token)) {
			t.Errorf("%q gave the token %q", header, token)
		}
		if err != nil && token != "" {
			t.Errorf("%q gave the token %q and %v", header, token, err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", "1", "zz", "-1", "1y2p0ij32e8e7", "9999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var c Cursor
		if c.UnmarshalText([]byte(s)) != nil || c.after == 0 {
			return
		}
		var again Cursor
		if err := again.UnmarshalText([]byte(*encodeCursor(c.after))); err != nil || again != c {
			t.Errorf("%q is %d and comes back as %d (%v)", s, c.after, again.after, err)
		}
	})
}

// FuzzTaskChanges: null, absent and a date are three things, whatever stands around them.
func FuzzTaskChanges(f *testing.F) {
	for _, s := range []string{`{}`, `{"due_date":null}`, `{"due_date":"2026-01-31"}`, `{"due_date":""}`, `{"title":"x","due_date":null}`, `{"Due_Date":null}`, `[]`, `null`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var c TaskChanges
		if json.Unmarshal([]byte(s), &c) != nil {
			return
		}
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(s), &members) != nil {
			return
		}
		raw, sent := members["due_date"]
		if sent && string(raw) == "null" && (c.DueDate == nil || !c.DueDate.IsZero()) && len(members) == 1 {
			t.Errorf("%s does not take the date away", s)
		}
		if len(members) == 0 && c.DueDate != nil {
			t.Errorf("%s changes the date", s)
		}
	})
}

// FuzzBody: a body that is accepted comes out as one that is accepted and
// unchanged, fits its type, and has no U+0000, which Postgres would refuse.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{"residence_id":1,"title":"x"}`, `{"residence_id":4.0,"title":" x "}`, `{"residence_id":1e300,"title":"x"}`, `{"residence_id":1,"title":"\u0000"}`,
		`{"residence_id":1,"residence_id":2,"title":"x"}`, `{"residence_id":1,"title":"x","due_date":"0000-01-01"}`, `{"residence_id":1,"title":"x","description":"a\nb"}`, `[[{"a":1}]]`, `null`,
		`{"residence_id":1,"title":"x","priority":"low","due_date":"2027-01-31","frequency":"weekly"}`, `{"residence_id":-0.0,"title":"x"}`,
	} {
		f.Add([]byte(s))
	}
	registry := newRegistry()
	b := requestBody{registry: registry, declared: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: registry.Schema(reflect.TypeFor[household.NewTask](), true, "")},
	}}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		clean, err := b.check(raw)
		if err != nil {
			return
		}
		var task household.NewTask
		if err := json.Unmarshal(clean, &task); err != nil {
			t.Errorf("%q became %q: %v", raw, clean, err)
		}
		if strings.Contains(task.Title+task.Description, "\x00") || task.Title == "" {
			t.Errorf("%q became %+v", raw, task)
		}
		if again, err := b.check(clean); err != nil || !bytes.Equal(again, clean) {
			t.Errorf("%q became %q, and then %q (%v)", raw, clean, again, err)
		}
	})
}
