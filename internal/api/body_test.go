package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// bodySchema is what the tests look at in a schema of the document.
type bodySchema struct {
	Ref        string                `json:"$ref"`
	Type       any                   // a text, or a list with "null" in it
	Properties map[string]bodySchema `json:"properties"`
	Items      *bodySchema           `json:"items"`
	Closed     any                   `json:"additionalProperties"`
	Required   []string
	Format     string
	Enum       []any
	WriteOnly  bool
	MinLength  int
	OneOf      []any `json:"oneOf"`
	AnyOf      []any `json:"anyOf"`
	AllOf      []any `json:"allOf"`
}

func (s bodySchema) is(kind string) bool {
	list, _ := s.Type.([]any)
	return s.Type == kind || slices.Contains(list, any(kind))
}

// line reports whether a field takes a household.Line.
func (s bodySchema) line() bool {
	return s.is("string") && s.Format == "" && len(s.Enum) == 0 && !s.WriteOnly
}

// sample is a value that the field takes.
func (s bodySchema) sample() any {
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Format == "date":
		return "2027-01-31"
	case s.is("string"):
		return "someone@example.org" // as good a text as any
	case s.is("integer"):
		return 1
	case s.is("boolean"):
		return true
	}
	return map[string]any{}
}

// bodyRoute is a route that may be sent a body, with its schema.
type bodyRoute struct {
	Route
	schema   bodySchema
	required bool
}

// bodyRoutes takes them from the table and the document, so that a new route
// is tested without being named.
func bodyRoutes(t *testing.T) []bodyRoute {
	t.Helper()
	raw, _ := document(t)
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody *struct {
				Required bool
				Content  map[string]struct{ Schema bodySchema }
			} `json:"requestBody"`
		}
		Components struct{ Schemas map[string]bodySchema }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var resolve func(bodySchema) bodySchema
	resolve = func(s bodySchema) bodySchema {
		if s.Ref != "" {
			s = doc.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
		}
		properties := map[string]bodySchema{}
		for name, p := range s.Properties {
			properties[name] = resolve(p)
		}
		s.Properties = properties
		return s
	}
	var routes []bodyRoute
	for _, r := range Routes() {
		if r.operation == nil || r.Method == http.MethodGet {
			continue
		}
		b := bodyRoute{Route: r, schema: bodySchema{Type: "object", Closed: false}}
		if body := doc.Paths[r.Path][strings.ToLower(r.Method)].RequestBody; body != nil {
			b.schema, b.required = resolve(body.Content["application/json"].Schema), body.Required
		}
		routes = append(routes, b)
	}
	if len(routes) < 20 {
		t.Fatalf("only %d routes may be sent a body", len(routes))
	}
	return routes
}

// TestBodySchemasAreClosed: what body.go relies on, in every schema.
func TestBodySchemasAreClosed(t *testing.T) {
	formats := []string{"", formatText, formatOptionalEmail, "email", "date", "date-time"}
	var look func(where string, s bodySchema)
	look = func(where string, s bodySchema) {
		if len(s.OneOf)+len(s.AnyOf)+len(s.AllOf) > 0 {
			t.Errorf("%s is a choice of schemas: its fields would not be cleaned", where)
		}
		if s.is("object") && s.Closed != false {
			t.Errorf("%s takes unknown fields", where)
		}
		if s.is("string") && !slices.Contains(formats, s.Format) {
			t.Errorf("%s has the format %q: say in body.go what that is, and here", where, s.Format)
		}
		for name, p := range s.Properties {
			look(where+"."+name, p)
		}
		if s.Items != nil {
			look(where+"[]", *s.Items)
		}
	}
	for _, r := range bodyRoutes(t) {
		look(r.ID, r.schema)
	}
}

// internals are words that no message for a client may contain.
var internals = regexp.MustCompile(`(?i)json:|\bgo\b|int64|struct|strconv|huma\b|mail:|reflect|unmarshal|household\.|api\.|\bnil\b|%!`)

// refusedField sends a request that must be refused with 422 for the field.
func refusedField(t *testing.T, p *pod, q request, field string) {
	t.Helper()
	got := p.send(q)
	if got.status != http.StatusUnprocessableEntity {
		t.Errorf("%s %s %.300s: got %s, want 422 for %s", q.method, q.path, q.body, got, field)
		return
	}
	problem := isProblem(t, got, http.StatusUnprocessableEntity, codeInvalid)
	if !slices.ContainsFunc(problem.Errors, func(e FieldError) bool { return e.Field == field }) {
		t.Errorf("%s %s %.300s: errors %v, want one for %s", q.method, q.path, q.body, problem.Errors, field)
	}
	for _, e := range problem.Errors {
		if internals.MatchString(e.Message) {
			t.Errorf("%s %s %.300s: %q shows what is inside", q.method, q.path, q.body, e.Message)
		}
	}
}

// members is a driver's body as a map.
func members(t *testing.T, body string) map[string]any {
	t.Helper()
	m := map[string]any{}
	if body != "" {
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// with is a body as JSON text in which one field has the value.
func with(t *testing.T, m map[string]any, field string, value any) string {
	t.Helper()
	m = maps.Clone(m)
	m[field] = value
	b, err := json.Marshal(m)
	return string(must(t, b, err))
}

// TestEveryBodyRefusesOtherKeys: a key in another case, an unknown one, and
// one that is given twice, of every field of every route.
func TestEveryBodyRefusesOtherKeys(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	fields := 0
	for _, r := range bodyRoutes(t) {
		path, body := drivers()[r.ID](s, h)
		q, m := request{method: r.Method, path: path, token: h.owner.token}, members(t, body)
		try := func(body, field string) {
			t.Helper()
			q := q
			q.body = body
			refusedField(t, p, q, field)
		}
		try(with(t, m, "color", "red"), "body.color")
		try(strings.Replace(with(t, m, "color", 1), `"color":1`, `"color":[{"a":1,"a":2}]`, 1), "body.color[0].a")
		for name, field := range r.schema.Properties {
			fields++
			value, ok := m[name]
			if !ok {
				value = field.sample()
			}
			for _, other := range []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], strings.ReplaceAll(name, "s", "\u017f"), strings.ReplaceAll(name, "k", "\u212a")} {
				if other == name {
					continue
				}
				try(with(t, m, other, value), "body."+other) // both
				instead := maps.Clone(m)
				delete(instead, name)
				try(with(t, instead, other, value), "body."+other)
			}
			whole := with(t, m, name, value)
			v, err := json.Marshal(value)
			must(t, v, err)
			try(fmt.Sprintf(`{%q:%s,%s`, name, v, whole[1:]), "body."+name)
			try(fmt.Sprintf(`{"\u%04x%s":%s,%s`, name[0], name[1:], v, whole[1:]), "body."+name)
		}
	}
	if fields < 20 {
		t.Errorf("only %d fields were tried", fields)
	}
}

// TestEveryIntegerIsOneInAnyForm: to JSON Schema 4.0 and 4e0 are the integer 4.
func TestEveryIntegerIsOneInAnyForm(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	tried := 0
	for _, r := range bodyRoutes(t) {
		for name, field := range r.schema.Properties {
			if !field.is("integer") {
				continue
			}
			tried++
			written := func(h home, format string) request {
				path, body := drivers()[r.ID](s, h)
				m := members(t, body)
				n := 1
				if v, ok := m[name].(float64); ok {
					n = int(v)
				}
				const mark = "the number"
				body = strings.Replace(with(t, m, name, mark), strconv.Quote(mark), fmt.Sprintf(format, n), 1)
				return request{method: r.Method, path: path, token: h.owner.token, body: body}
			}
			for _, format := range []string{"%d.0", "%de0", "%d0e-1", "%d.000E+0"} {
				if got := p.send(written(s.home(), format)); got.status != r.Status {
					t.Errorf("%s %s as %s: %s", r.ID, name, format, got)
				}
			}
			for _, format := range []string{"%d.5", "%d.0000000001", "%d.0000000000000000001", "%d000000000000000000001e-21", "%de-400", "%de300", "%de999", "%d00000000000000000000", "-%d.5", `"%d"`, "[%d]"} {
				refusedField(t, p, written(h, format), "body."+name)
			}
		}
	}
	if tried == 0 {
		t.Error("no field is an integer")
	}
}

// TestEveryLineIsClean: every text of one line of every route is trimmed, and
// refused where it shows nothing or would show something else.
func TestEveryLineIsClean(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	lines := 0
	for _, r := range bodyRoutes(t) {
		path, body := drivers()[r.ID](s, h)
		q, m := request{method: r.Method, path: path, token: h.owner.token}, members(t, body)
		try := func(field, value string) {
			t.Helper()
			q := q
			q.body = with(t, m, field, value)
			refusedField(t, p, q, "body."+field)
		}
		for name, field := range r.schema.Properties {
			if field.is("string") && field.Format == formatText {
				for _, v := range []string{"\u200b", "a\u0000b", "a\u202eb", "\u3164\n"} {
					try(name, v)
				}
			}
			if !field.line() {
				continue
			}
			lines++
			for _, v := range []string{
				"\u200b", " \u200b ", "\u202e", "\u2066\u2069", "\u200f", "\u2060", "\ufeff", "\u3164", "\u115f", "\u00ad", "\u0001",
				"a\u202eb", "a\u2067b", "a\u0000b", "a\u001bb", "a\u0085b", "a\nb", "a\u2028b",
			} {
				try(name, v)
			}
			if field.MinLength > 0 {
				for _, v := range []string{"", " ", "\u00a0\u3000", "\t\n"} {
					try(name, v)
				}
			}
			fresh := s.home()
			path, body := drivers()[r.ID](s, fresh)
			m := members(t, body)
			value, ok := m[name].(string)
			if !ok {
				value = "UTC" // also where it has to be a time zone
			}
			got := p.send(request{r.Method, path, fresh.owner.token, with(t, m, name, "\u00a0 "+value+"\u3000\n")})
			if got.status != r.Status {
				t.Errorf("%s with %s in blanks: %s", r.ID, name, got)
				continue
			}
			stored := members(t, string(got.body))
			if user, ok := stored["user"].(map[string]any); ok {
				stored = user
			}
			if v, told := stored[name]; told && v != value {
				t.Errorf("%s: %s is %q, want %q", r.ID, name, v, value)
			}
		}
	}
	if lines < 15 {
		t.Errorf("only %d lines were tried", lines)
	}
}

// TestEveryOptionalBodyMaySayNothing, in each way of saying it.
func TestEveryOptionalBodyMaySayNothing(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	tried := 0
	for _, r := range bodyRoutes(t) {
		for _, body := range []string{"", "null", " null\n", "{}", " { } "} {
			_, q := drive(t, s, r.Route)
			if r.required {
				if q.body = body; strings.Contains(body, "null") {
					refusedField(t, p, q, "body")
				} else if body == "" {
					isProblem(t, p.send(q), http.StatusBadRequest, codeMalformed)
				}
				continue
			}
			tried++
			q.body = body
			if got := p.send(q); got.status != r.Status {
				t.Errorf("%s with the body %q: %s", r.ID, body, got)
			}
		}
		if !r.required {
			_, q := drive(t, s, r.Route)
			for _, body := range []string{"[]", "0", `""`, "false"} {
				q.body = body
				refusedField(t, p, q, "body")
			}
		}
	}
	if tried == 0 {
		t.Error("no body is optional")
	}
}

// TestTextsKeepTheirLines: notes are stored as they were written.
func TestTextsKeepTheirLines(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	const text = "  first\r\n\n\tsecond \u2764\ufe0f\n"
	body := with(t, map[string]any{"residence_id": h.id, "title": "x"}, "description", text)
	if got := want[map[string]any](t, p.post("/api/tasks/", h.owner.token, body), http.StatusCreated)["description"]; got != text {
		t.Errorf("%q", got)
	}
}

// TestContractorEmail is a bare address or nothing.
func TestContractorEmail(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	body := map[string]any{"residence_id": h.id, "name": "Flo"}
	for sent, stored := range map[string]string{"": "", " ": "", " Flo@Example.org ": "Flo@Example.org"} {
		got := want[map[string]any](t, p.post("/api/contractors/", h.owner.token, with(t, body, "email", sent)), http.StatusCreated)
		if got["email"] != stored {
			t.Errorf("%q: %q", sent, got["email"])
		}
	}
	for _, bad := range []string{"not an email", "Flo <flo@example.org>", "\u200b", "flo@example.org, a@example.org"} {
		refusedField(t, p, request{http.MethodPost, "/api/contractors/", h.owner.token, with(t, body, "email", bad)}, "body.email")
	}
}

// TestAnAccountIsItsBareAddress: one address is one account, whatever the case
// of its ASCII letters, and no other address opens it.
func TestAnAccountIsItsBareAddress(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p := newPod(t, env)
	send := func(path, email string, status int) reply {
		t.Helper()
		got := p.post(path, "", with(t, map[string]any{"password": password}, "email", email))
		if path == "/api/auth/register/" {
			got = p.post(path, "", with(t, map[string]any{"password": password, "name": email}, "email", email))
		}
		if got.status != status {
			t.Errorf("%s %+q: %s, want %d", path, email, got, status)
		}
		return got
	}
	const register, login = "/api/auth/register/", "/api/auth/login/"
	for _, email := range []string{
		"Bob <bob@example.com>", "bob@example.com (x)", "=?utf-8?q?bob?= <bob@example.com>", "<bob@example.com>", `"bob"@example.com`,
		"bob@[192.0.2.1]", "a\u200bb@example.com", "bob",
	} {
		got := send(register, email, http.StatusUnprocessableEntity)
		if problem := isProblem(t, got, http.StatusUnprocessableEntity, codeInvalid); len(problem.Errors) != 1 || problem.Errors[0].Field != "body.email" || internals.MatchString(problem.Errors[0].Message) {
			t.Errorf("%q: %v", email, problem.Errors)
		}
	}
	// Each is an account of its own: Go and some locales fold them into one another.
	apart := []string{"i@example.com", "\u0130@example.com", "i\u0307@example.com", "\u0131@example.com", "k@example.com", "\u212a@example.com", "s@example.com", "\u017f@example.com"}
	for _, email := range apart {
		send(register, " "+email, http.StatusCreated)
	}
	for _, email := range apart {
		send(register, strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r - 'a' + 'A'
			}
			return r
		}, email), http.StatusConflict)
		got := want[Authentication](t, send(login, email+" ", http.StatusOK), http.StatusOK)
		if got.User.Email != email {
			t.Errorf("%+q opens the account of %+q", email, got.User.Email)
		}
	}
	send(login, "I@EXAMPLE.com", http.StatusOK)
	send(login, "I <i@example.com>", http.StatusUnauthorized)
}

// TestABodyThatEndsEarly is the client's fault, and not logged as ours.
func TestABodyThatEndsEarly(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/residences/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token %s\r\nContent-Length: 100\r\n\r\n{\"name\"", s.person("Ada").token)
	half, ok := conn.(*net.TCPConn)
	if !ok || half.CloseWrite() != nil {
		t.Fatal("the connection cannot be half closed")
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	isProblem(t, reply{res.StatusCode, res.Header, must(t, body, err)}, http.StatusBadRequest, codeMalformed)
	if p.log.String() != "" {
		t.Errorf("logged:\n%s", p.log)
	}
}

// TestHalfACharacterIsMalformed: every escape of half a character would be
// read as the same one, so that different passwords would be one.
func TestHalfACharacterIsMalformed(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	for _, half := range []string{`\ud800`, `\uDFFF`, `\ud83d\n`, `\ud83dx`, `\udfe0\ud83c`, `\\\ud800`} {
		for path, body := range map[string]string{
			"/api/auth/register/": `{"email":"half@example.com","name":"x","password":"longenough` + half + `"}`,
			"/api/auth/login/":    `{"email":"half@example.com","password":"longenough` + half + `"}`,
			"/api/tasks/":         fmt.Sprintf(`{"residence_id":%d,"title":"x%s"}`, h.id, half),
		} {
			isProblem(t, p.send(request{method: post, path: path, token: h.owner.token, body: body}), http.StatusBadRequest, codeMalformed)
		}
	}
	for escaped, title := range map[string]string{`\ud83c\udfe0`: "\U0001f3e0", `\\ud800`: `\ud800`, `\u00fc\"\uFFFD`: "\u00fc\"\ufffd"} {
		body := fmt.Sprintf(`{"residence_id":%d,"title":"%s"}`, h.id, escaped)
		if got := want[household.Task](t, p.send(request{method: post, path: "/api/tasks/", token: h.owner.token, body: body}), http.StatusCreated); got.Title != title {
			t.Errorf("%s is stored as %+q, want %+q", escaped, got.Title, title)
		}
	}
}

// TestContentTypesInAnyForm: a media type is compared without regard to case.
func TestContentTypesInAnyForm(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	for contentType, status := range map[string]int{
		"APPLICATION/JSON":                http.StatusCreated,
		"Application/Json; Charset=UTF-8": http.StatusCreated,
		"application/vnd.x+JSON":          http.StatusCreated,
		"text/json":                       http.StatusUnsupportedMediaType,
	} {
		q := request{method: post, path: "/api/tasks/", token: h.owner.token, body: fmt.Sprintf(`{"residence_id":%d,"title":"x"}`, h.id)}
		got := p.sendWith(q, http.Header{"Content-Type": {contentType}})
		if got.status != status {
			t.Errorf("%s: %s", contentType, got)
		}
	}
}

// TestALongNumberIsRefused: a number may be as long as the body, and its digits are compared one by one.
func TestALongNumberIsRefused(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	long := "1.0000000000000000" + strings.Repeat("7", 500_000)
	refusedField(t, p, request{method: http.MethodPost, path: "/api/tasks/", token: h.owner.token, body: `{"title":"x","residence_id":` + long + `}`}, "body.residence_id")
}
