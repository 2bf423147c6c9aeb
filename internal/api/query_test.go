package api

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// declaredBy are the query parameters of each route, by its id.
func declaredBy(t *testing.T) map[string]parameters {
	t.Helper()
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]parameters{}
	for _, r := range s.routes {
		declared[r.ID] = r.parameters
	}
	return declared
}

// sampleParameter is a value that the parameter takes.
func sampleParameter(name string, s *huma.Schema) string {
	switch {
	case s.Type == huma.TypeBoolean:
		return "false"
	case s.Type == huma.TypeInteger:
		return "7"
	case name == "since":
		return ""
	}
	return "7"
}

// TestFormsAreDeclared: what a form of a route takes is declared, and what is
// declared applies in some form.
func TestFormsAreDeclared(t *testing.T) {
	declared := declaredBy(t)
	for _, r := range Routes() {
		applies := slices.Clone(r.Takes)
		for _, v := range r.Variants {
			if (v.Takes == nil) != (r.Takes == nil) {
				t.Errorf("%s?%s: what applies is said of one form only", r.ID, v.Query)
			}
			applies = append(applies, v.Takes...)
		}
		for _, name := range applies {
			if declared[r.ID][name] == nil {
				t.Errorf("%s takes %s, which it does not declare", r.ID, name)
			}
		}
		for name := range declared[r.ID] {
			if len(applies) > 0 && !slices.Contains(applies, name) {
				t.Errorf("%s declares %s, which applies in no form", r.ID, name)
			}
		}
	}
}

// TestEveryRouteRefusesOtherParameters, before it costs a turn.
func TestEveryRouteRefusesOtherParameters(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	p.warm(h.owner)
	declared := declaredBy(t)
	for _, r := range Routes() {
		path, body := drivers()[r.ID](s, h)
		refused := func(query, field string) {
			t.Helper()
			q := request{r.Method, path + "?" + query, h.owner.token, body}
			refusedField(t, p, q, field)
			if got := p.send(q); got.header.Get("X-DB-Turns") != "0" {
				t.Errorf("%s?%s: %s turns", r.ID, query, got.header.Get("X-DB-Turns"))
			}
		}
		if got := p.get(path+"?foo=bar", h.owner.token); r.Hot && got.header.Get("Cache-Status") != "" {
			t.Errorf("%s?foo=bar went to the cache: %q", r.ID, got.header.Get("Cache-Status"))
		}
		refused("foo=bar", "query.foo")
		refused("foo", "query.foo")
		refused("foo=1&foo=2", "query.foo")
		refused("a=%zz", "query")
		refused("a=1;b=2", "query")
		for name, schema := range declared[r.ID] {
			pair := name + "=" + sampleParameter(name, schema)
			refused(pair+"&"+pair, "query."+name)
			refused(pair+"&foo=bar", "query.foo")
			other := strings.ToUpper(name[:1]) + name[1:]
			refused(other+"=7", "query."+other)
			switch schema.Type {
			case huma.TypeBoolean:
				for _, v := range []string{"", "1", "T", "True", "yes"} {
					refused(name+"="+v, "query."+name)
				}
			case huma.TypeInteger:
				for _, v := range []string{"", "x", "-1", "4.5", "99999999999999999999"} {
					if r.Takes == nil || slices.Contains(r.Takes, name) {
						refused(name+"="+v, "query."+name)
					}
				}
			}
			if r.Takes == nil || slices.Contains(r.Takes, name) {
				if got := p.get(path+"?"+pair, h.owner.token); got.status != r.Status {
					t.Errorf("%s?%s: %s", r.ID, pair, got)
				}
			}
			for _, v := range r.Variants {
				if strings.HasPrefix(v.Query, name+"=") {
					continue
				}
				if query := v.Query + "&" + pair; v.Takes != nil && !slices.Contains(v.Takes, name) {
					refused(query, "query."+name)
				} else if got := p.get(path+"?"+query, h.owner.token); got.status != r.Status {
					t.Errorf("%s?%s: %s", r.ID, query, got)
				}
			}
		}
	}
	for query, field := range map[string]string{
		"limit=5": "query.limit", "cursor=7": "query.cursor", "archived=false&limit=5": "query.limit",
		"archived=true&days=30": "query.days", "days=7&archived=true&limit=5": "query.days",
	} {
		refusedField(t, p, request{http.MethodGet, "/api/tasks/?" + query, h.owner.token, ""}, field)
	}
	// What asks for the kept form is served from the copy, as before.
	for _, path := range []string{"/api/tasks/?days=30&archived=false", "/api/tasks/?days=30", "/api/residences/?limit=100"} {
		list, _, _ := strings.Cut(path, "?")
		p.warmList(list, h.owner)
		if got := p.get(path, h.owner.token); got.status != http.StatusOK || got.header.Get("X-DB-Turns") != "0" {
			t.Errorf("%s: %s, %s turns", path, got, got.header.Get("X-DB-Turns"))
		}
	}
}

// TestNoConditionIsIgnored: a client that asks for protection from lost
// updates must not be told that its write went through without.
func TestNoConditionIsIgnored(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	send := func(q request, name, value string) reply {
		t.Helper()
		hr, err := http.NewRequestWithContext(t.Context(), q.method, p.url+q.path, strings.NewReader(q.body))
		must(t, hr, err)
		hr.Header.Set("Authorization", "Token "+q.token)
		hr.Header.Set(name, value)
		res, err := http.DefaultTransport.RoundTrip(hr)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return reply{res.StatusCode, res.Header, must(t, body, err)}
	}
	for _, r := range Routes() {
		_, q := drive(t, s, r)
		for _, tag := range []string{`"1"`, `W/"1"`, `"1", "2"`, "x"} {
			got := send(q, "If-Match", tag)
			isProblem(t, got, http.StatusBadRequest, codeCondition)
			if got.header.Get("X-DB-Turns") != "0" {
				t.Errorf("%s with If-Match: %s: %s turns", r.ID, tag, got.header.Get("X-DB-Turns"))
			}
		}
		if r.Method != http.MethodGet {
			isProblem(t, send(q, "If-None-Match", "*"), http.StatusBadRequest, codeCondition)
		}
		if got := send(q, "If-Match", "*"); got.status != r.Status && r.Status != 0 {
			t.Errorf("%s with If-Match: *: %s", r.ID, got)
		}
	}
}

// TestACursorOfSyncIsAParameter: it is named as such where it is none.
func TestACursorOfSyncIsAParameter(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	for _, since := range []string{"0", "abc", "-1", "MTox"} {
		refusedField(t, p, request{method: get, path: "/api/sync/?since=" + since, token: s.person("Ada").token}, "query.since")
	}
}
