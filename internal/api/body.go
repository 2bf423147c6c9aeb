package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"mime"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/honeydue/honeydue/internal/household"
)

// Formats of texts in a body's schema, besides the standard ones. A text with
// neither a format nor a list of values is a household.Line.
const (
	formatText          = "text"           // household.Text
	formatOptionalEmail = "email-or-empty" // household.BareEmail, or nothing
)

const (
	// maxDepth is how deep a body may be nested. No schema goes deeper than 3.
	maxDepth = 20
	// maxFieldErrors is how many errors are listed: a body of 1 MiB can hold 100,000.
	maxFieldErrors = 50
)

// requestBody reads the bodies of one operation before huma does. huma matches
// keys without regard to case, lets the last of two equal keys win, and
// reports a number such as 4.0 in terms of Go. So the body is read and checked
// here, and huma gets it in a form with one reading only.
type requestBody struct {
	server   *Server
	registry huma.Registry
	// declared is filled when huma registers the operation. Without a content
	// the operation takes no body.
	declared *huma.RequestBody
}

// takeBody adds the reading of the body to an operation whose input is I.
func (s *Server) takeBody(api huma.API, o *huma.Operation, input reflect.Type) {
	if _, raw := input.FieldByName("RawBody"); raw || o.Method == http.MethodGet {
		return
	}
	b := &requestBody{server: s, registry: api.OpenAPI().Components.Schemas, declared: &huma.RequestBody{}}
	if f, ok := input.FieldByName("Body"); ok {
		o.RequestBody = b.declared
		if f.Type.Kind() == reflect.Pointer {
			b.declared.Description = "May be absent, null or {}."
		}
	}
	o.SkipValidateBody = true
	o.Middlewares = append(o.Middlewares, b.read)
}

func (b *requestBody) read(hc huma.Context, next func(huma.Context)) {
	gc := humagin.Unwrap(hc)
	clean, err := b.receive(hc)
	if err != nil {
		b.server.problem(hc.Context(), err).write(gc.Writer)
		return
	}
	gc.Request.Body = io.NopCloser(bytes.NewReader(clean))
	if len(clean) > 0 {
		gc.Request.Header.Set("Content-Type", "application/json") // huma knows it in small letters only
	}
	next(hc)
}

// receive returns the body as huma shall see it; none if it is optional and
// says nothing.
func (b *requestBody) receive(hc huma.Context) ([]byte, error) {
	var raw []byte
	if body := humagin.Unwrap(hc).Request.Body; body != nil && body != http.NoBody {
		_ = hc.SetReadDeadline(time.Now().Add(bodyTimeout)) // fails on a connection that is closed, as reading will
		var err error
		raw, err = io.ReadAll(io.LimitReader(body, maxBody+1))
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return nil, slowBody()
		case err != nil:
			return nil, malformed()
		case len(raw) > maxBody:
			return nil, bodyTooLarge()
		}
	}
	switch {
	case len(raw) == 0 && b.declared.Required:
		return nil, malformed()
	case len(raw) == 0:
		return nil, nil
	case !isJSON(hc.Header("Content-Type")):
		return nil, notJSON()
	}
	return b.check(raw)
}

func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
}

// check holds a body against the operation's schema and cleans its texts.
func (b *requestBody) check(raw []byte) ([]byte, error) {
	if !utf8.Valid(raw) || !json.Valid(raw) || loneSurrogate(raw) {
		return nil, malformed()
	}
	c := cleaner{registry: b.registry}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	tree, err := c.parse(d, "body", 0)
	if err != nil {
		return nil, malformed()
	}
	if tree == nil && !b.declared.Required {
		return nil, nil
	}
	schema := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false}
	if m := b.declared.Content["application/json"]; m != nil {
		schema = m.Schema
	}
	tree = c.clean(schema, tree, "body")
	c.validate(schema, tree)
	if len(c.errs) > 0 {
		p := refusedInput()
		p.Errors = c.errs[:min(len(c.errs), maxFieldErrors)]
		return nil, p
	}
	return marshal(tree)
}

// loneSurrogate reports whether an escape of valid JSON is half a character.
// encoding/json reads each as U+FFFD, so that different passwords were one.
func loneSurrogate(valid []byte) bool {
	for {
		at := bytes.IndexByte(valid, '\\')
		if at < 0 {
			return false
		}
		valid = valid[at:]
		first, escaped := utf16Escape(valid)
		switch {
		case !escaped:
			valid = valid[2:]
			continue
		case !utf16.IsSurrogate(first):
			valid = valid[6:]
			continue
		}
		second, _ := utf16Escape(valid[6:])
		if utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		valid = valid[12:]
	}
}

// utf16Escape reads the \uXXXX that b begins with, if it does.
func utf16Escape(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}

// cleaner collects what is wrong with one body.
type cleaner struct {
	registry huma.Registry
	errs     []FieldError
}

func (c *cleaner) refuse(field, message string) {
	c.errs = append(c.errs, FieldError{Field: field, Message: message})
}

// parse reads the next JSON value. A key that is given twice is refused:
// whichever of the two was read, another reader may have seen the other one.
func (c *cleaner) parse(d *json.Decoder, path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deep")
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return c.number(t, path), nil
	case json.Delim:
		if t == '[' {
			list := []any{}
			for d.More() {
				v, err := c.parse(d, path+"["+strconv.Itoa(len(list))+"]", depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return list, err
		}
		object := map[string]any{}
		for d.More() {
			t, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, _ := t.(string) // the text is valid JSON
			field := path + "." + key
			if _, twice := object[key]; twice {
				c.refuse(field, "is given more than once")
			}
			if object[key], err = c.parse(d, field, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return object, err
	default:
		return t, nil
	}
}

// number is an int64 if the value is a whole number, however it is written:
// to JSON Schema 4, 4.0 and 4e0 are the same integer.
func (c *cleaner) number(n json.Number, path string) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, err := n.Float64()
	if err != nil {
		c.refuse(path, "is out of range")
		return int64(0)
	}
	if f == math.Trunc(f) && math.Abs(f) <= 1<<53 && exact(n, int64(f)) {
		return int64(f)
	}
	return f
}

// exact reports whether n is i to its last digit: a float64 drops what it has
// no room for, as in 1.0000000000000000001. As i is n's nearest float64, the same
// significant digits are the same number. It is linear in the length of n.
func exact(n json.Number, i int64) bool {
	significant := func(number string) string {
		return strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(number), "0")
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(n.String()), "e")
	return significant(mantissa) == significant(strconv.FormatInt(i, 10))
}

// clean returns v with its texts cleaned, and refuses what the schema's own
// rules would not find.
func (c *cleaner) clean(s *huma.Schema, v any, path string) any {
	for s.Ref != "" {
		s = c.registry.SchemaFromRef(s.Ref)
	}
	switch v := v.(type) {
	case map[string]any:
		if s.Type != huma.TypeObject {
			return v
		}
		open := s.AdditionalProperties != false
		for _, key := range slices.Sorted(maps.Keys(v)) {
			field := path + "." + key
			property, known := s.Properties[key]
			switch {
			case known:
				v[key] = c.clean(property, v[key], field)
			case !open:
				c.refuse(field, "unknown field; names are case-sensitive")
				delete(v, key)
			}
		}
	case []any:
		if s.Items != nil {
			for i := range v {
				v[i] = c.clean(s.Items, v[i], path+"["+strconv.Itoa(i)+"]")
			}
		}
	case float64:
		if s.Type == huma.TypeInteger && v == math.Trunc(v) {
			if math.Abs(v) <= 1<<53 {
				c.refuse(path, "expected integer")
			} else {
				c.refuse(path, "is out of range")
			}
		}
	case string:
		return c.text(s, v, path)
	}
	return v
}

func (c *cleaner) text(s *huma.Schema, v, path string) any {
	if s.Type != huma.TypeString || s.WriteOnly || len(s.Enum) > 0 {
		return v
	}
	clean, err := v, error(nil)
	switch s.Format {
	case "":
		clean, err = household.Line(v)
	case formatText:
		clean, err = household.Text(v)
	case "email":
		clean, err = household.BareEmail(v)
	case formatOptionalEmail:
		if clean, err = household.Line(v); clean != "" && err == nil {
			clean, err = household.BareEmail(v)
		}
	case "date":
		if v == "" && s.Nullable {
			return nil
		}
		if _, bad := household.ParseDate(v); bad != nil {
			err = errors.New("must be a date of the form YYYY-MM-DD")
		}
	}
	switch {
	case err != nil:
		c.refuse(path, err.Error())
	case clean == "" && s.MinLength != nil && *s.MinLength > 0:
		c.refuse(path, "must not be blank")
	default:
		return clean
	}
	return v
}

// validate holds the cleaned body against the schema, and adds what it finds
// about fields of which nothing is known yet.
func (c *cleaner) validate(s *huma.Schema, tree any) {
	path, found := huma.NewPathBuffer(nil, 0), &huma.ValidateResult{}
	path.Push("body")
	huma.Validate(c.registry, s, path, huma.ModeWriteToServer, tree, found)
	known := map[string]bool{}
	for _, e := range c.errs {
		known[e.Field] = true
	}
	for _, err := range found.Errors {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) && !known[detail.Location] {
			c.refuse(detail.Location, detail.Message)
		}
	}
}
