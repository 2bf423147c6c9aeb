package api

import (
	"encoding/json"
	"strings"
	"testing"
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
		if c.UnmarshalText([]byte(s)) != nil || c == 0 {
			return
		}
		var again Cursor
		if err := again.UnmarshalText([]byte(*encodeCursor(int64(c)))); err != nil || again != c {
			t.Errorf("%q is %d and comes back as %d (%v)", s, c, again, err)
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

// FuzzUnmarshal: what is accepted has no U+0000, which Postgres would refuse.
func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{`{"a":"\u0000"}`, `{"a":"\\u0000"}`, `{"\u0000":1}`, `["\u0000"]`, `"\u00000"`, `{"a":[{"b":"x\u0000"}]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v any
		if unmarshal([]byte(s), &v) == nil && hasNUL(v) {
			t.Errorf("%q was accepted", s)
		}
	})
}
