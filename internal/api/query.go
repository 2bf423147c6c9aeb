package api

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// parameters are the query parameters that a route declares, with their schemas.
type parameters map[string]*huma.Schema

// declaredParameters keeps the query parameters of each operation as it is
// added to the document, by the operation's id.
func declaredParameters(o *huma.OpenAPI) map[string]parameters {
	declared := map[string]parameters{}
	o.OnAddOperation = append(o.OnAddOperation, func(_ *huma.OpenAPI, op *huma.Operation) {
		p := parameters{}
		for _, param := range op.Parameters {
			if param.In == "query" {
				p[param.Name] = param.Schema
			}
		}
		declared[op.OperationID] = p
	})
	return declared
}

// checkQuery refuses what a route would otherwise ignore: parameters that it
// does not declare, that do not apply in the form that is asked for, or that
// are given more than once. A client that misspells a filter must not take the
// whole list for what it asked for.
func (r *Route) checkQuery(raw string) *Problem {
	if raw == "" {
		return nil
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return invalid("query", "is not a valid query string")
	}
	p := refusedInput()
	for _, name := range slices.Sorted(maps.Keys(q)) {
		message := r.checkParameter(q, name)
		if message != "" && len(p.Errors) < maxFieldErrors {
			p.Errors = append(p.Errors, FieldError{Field: "query." + name, Message: message})
		}
	}
	if len(p.Errors) == 0 {
		return nil
	}
	return p
}

// checkParameter says what is wrong with one parameter, and nothing if huma
// may look at it.
func (r *Route) checkParameter(q url.Values, name string) string {
	schema, known := r.parameters[name]
	switch {
	case !known:
		return "unknown query parameter; names are case-sensitive"
	case len(q[name]) > 1 && schema.Type != huma.TypeArray:
		return "is given more than once"
	case schema.Type == huma.TypeBoolean && q.Get(name) != "true" && q.Get(name) != "false":
		return "must be true or false"
	case schema.Type == huma.TypeInteger && q.Get(name) == "":
		return "must be an integer"
	}
	takes, form := r.Takes, ""
	for _, v := range r.Variants {
		if v.matches(q) {
			takes, form = v.Takes, v.Query
		}
	}
	if takes == nil || slices.Contains(takes, name) {
		return ""
	}
	if form != "" {
		return "does not apply with " + form
	}
	for _, v := range r.Variants {
		if slices.Contains(v.Takes, name) {
			return "applies only with " + v.Query
		}
	}
	return "does not apply here"
}

// matches reports whether a query asks for this form of the route.
func (v Variant) matches(q url.Values) bool {
	for pair := range strings.SplitSeq(v.Query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if q.Get(name) != value {
			return false
		}
	}
	return true
}

// checkConditions refuses the conditions that no route evaluates yet. To
// ignore If-Match would overwrite what the client wants to keep; 412 would say
// that someone has changed it, and the client would read and try again for
// ever. If-Match: * holds wherever a request succeeds, since nothing is made
// by a request to what does not exist. If-None-Match asks reads for a 304, and
// on a write only its * would forbid anything.
func checkConditions(r *http.Request) *Problem {
	var name string
	switch {
	case slices.ContainsFunc(r.Header["If-Match"], func(v string) bool { return strings.TrimSpace(v) != "*" }):
		name = "If-Match"
	case r.Method != http.MethodGet && slices.ContainsFunc(r.Header["If-None-Match"], func(v string) bool { return strings.TrimSpace(v) == "*" }):
		name = "If-None-Match"
	default:
		return nil
	}
	return newProblem(http.StatusBadRequest, codeCondition, "This route does not evaluate "+name+", so nothing was done. Send the request without it.")
}
