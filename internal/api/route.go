package api

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
)

// Route is one entry of the route table.
type Route struct {
	// ID names the route in OpenAPI, in metrics and in reports.
	ID string
	// Method and Path, the latter with {parameters} and its last slash.
	Method, Path string
	Summary      string
	// Needs is the least that the asking user must be; empty for everyone,
	// with or without a token.
	Needs Need
	// Status of success.
	Status int
	// Statements are the catalogue's names of what the handler itself runs; a
	// hot list runs them only when the cache did not serve it. auth_lookup comes
	// before them when the caches do not know the user, and with every hot list,
	// in the same turn.
	Statements []string
	// Hot marks what a user waits for many times a day.
	Hot bool
	// Budget is how many DB turns the route takes. It is no upper bound: a
	// test requires these very numbers.
	Budget Budget
	// Variants are query strings for which the same route runs other statements.
	Variants []Variant
	// Takes are the query parameters that apply unless a variant is asked for;
	// nil: all that the route declares.
	Takes []string

	// list is the one of which copies are kept, in the form that plain asks for.
	list  cache.List
	plain url.Values
	// item is the list that shows what {id} names, where a write needs its residence.
	item cache.List

	parameters parameters
	operation  func(*Server, huma.API, huma.Operation) // for the API itself
	handler    func(*Server) gin.HandlerFunc           // for health and documents
}

// Variant is a query string that makes a route run other statements. Takes are
// the query parameters that apply then; nil: all that the route declares.
type Variant struct {
	Query      string
	Takes      []string
	Statements []string
	Budget     Budget
}

// Budget is DB turns per request: Warm when the caches know all that they can
// know of the request, Cold when they know nothing. They are equal where no
// token is asked for.
type Budget struct {
	Warm int `json:"warm"`
	Cold int `json:"cold"`
}

// Need is who may use a route.
type Need string

// The needs. From NeedMember on they are about the residence (or the task's,
// contractor's or document's residence) that the request names.
const (
	NeedNothing Need = ""
	NeedToken   Need = "token"
	NeedMember       = Need(household.RoleMember)
	NeedAdmin        = Need(household.RoleAdmin)
	NeedOwner        = Need(household.RoleOwner)
)

// Auth reports whether the route asks for a token.
func (r Route) Auth() bool { return r.Needs != NeedNothing }

// bodyTimeout is how long a body may take to arrive. It must not be shorter
// than a request's deadline: net/http cancels the context of a running handler
// when the connection's read deadline passes.
const bodyTimeout = 15 * time.Second

// maxBody is how long a body may be, in bytes.
const maxBody = 1 << 20

// op declares a route of the API. h is a method expression: the table knows
// the handlers and no server, so that it can be read without one.
func op[I, O any](r Route, h func(*Server, context.Context, *I) (*O, error)) Route {
	r.operation = func(s *Server, api huma.API, o huma.Operation) {
		s.takeBody(api, &o, reflect.TypeFor[I]())
		huma.Register(api, o, func(ctx context.Context, in *I) (*O, error) {
			out, err := h(s, ctx, in)
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			return out, nil
		})
	}
	return r
}

// plain declares a route outside of the OpenAPI document.
func plain(r Route, h func(*Server, *gin.Context)) Route {
	r.handler = func(s *Server) gin.HandlerFunc { return func(c *gin.Context) { h(s, c) } }
	return r
}

func (r Route) bind(s *Server, engine *gin.Engine, api huma.API) {
	if r.handler != nil {
		engine.Handle(r.Method, r.Path, r.handler(s))
		return
	}
	o := huma.Operation{
		OperationID:     r.ID,
		Method:          r.Method,
		Path:            r.Path,
		Summary:         r.Summary,
		Tags:            []string{r.tag()},
		DefaultStatus:   r.Status,
		MaxBodyBytes:    maxBody,
		BodyReadTimeout: bodyTimeout,
		Responses:       map[string]*huma.Response{"default": problemResponse()},
		Extensions: map[string]any{"x-honeydue": map[string]any{
			"needs": r.Needs, "hot": r.Hot, "db_turns": r.Budget, "statements": r.Statements,
		}},
	}
	if r.Auth() {
		o.Security = []map[string][]string{{"token": {}}}
		o.Middlewares = huma.Middlewares{s.authenticate(r.item)}
	}
	r.operation(s, api, o)
}

func problemResponse() *huma.Response {
	return &huma.Response{
		Description: "A problem (RFC 9457)",
		Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}},
		},
	}
}

// tag groups the document by the first noun of the path.
func (r Route) tag() string {
	const prefix = len("/api/")
	for i := prefix; i < len(r.Path); i++ {
		if r.Path[i] == '/' {
			return r.Path[prefix:i]
		}
	}
	return "api"
}

func created(id, path, summary string, needs Need, statement string) Route {
	return Route{
		ID: id, Method: http.MethodPost, Path: path, Summary: summary, Needs: needs, Status: http.StatusCreated,
		Statements: []string{statement}, Budget: Budget{Warm: 1, Cold: 2},
	}
}

func deleted(id, path, summary string, needs Need, statement string) Route {
	return Route{
		ID: id, Method: http.MethodDelete, Path: path, Summary: summary, Needs: needs, Status: http.StatusNoContent,
		Statements: []string{statement}, Budget: Budget{Warm: 1, Cold: 2},
	}
}

// answered is a route that replies 200 with one statement's result.
func answered(method, id, path, summary string, needs Need, statement string) Route {
	return Route{
		ID: id, Method: method, Path: path, Summary: summary, Needs: needs, Status: http.StatusOK,
		Statements: []string{statement}, Budget: Budget{Warm: 1, Cold: 2},
	}
}

// on says what {id} names, for a write.
func (r Route) on(item cache.List) Route { r.item = item; return r }
