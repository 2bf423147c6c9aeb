package api

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// hotAnswer is what one pipelined turn brings for a hot list: who asked, and
// the list.
type hotAnswer[B any] struct {
	user         household.User
	residenceIDs []int64
	body         B
	validUntil   time.Time // zero: it does not age
	remake       []byte    // see cache.Answer
	remade       bool
}

// rendered is a list as it is sent and kept: encoded and compressed once.
type rendered struct {
	body []byte
	etag string
}

// hot declares one of the four hot lists. In its default form (the query that
// plain names, or none) it is served from the cache before huma sees the
// request; h is asked on a miss, and for every other form. B is what the
// document says of the body.
func hot[I, B any](r Route, list cache.List, plain url.Values, h func(*Server, context.Context, *I) (rendered, error)) Route {
	r.Hot = true
	r.list, r.plain = list, plain
	r.operation = func(s *Server, api huma.API, o huma.Operation) {
		o.Middlewares = huma.Middlewares{s.serveHot(list, plain)}
		o.Responses[strconv.Itoa(r.Status)] = jsonResponse[B](api)
		o.Responses[strconv.Itoa(http.StatusNotModified)] = &huma.Response{Description: "The copy that If-None-Match names is still current"}
		huma.Register(api, o, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
			out, err := h(s, ctx, in)
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			return &huma.StreamResponse{Body: func(ctx huma.Context) {
				writeList(humagin.Unwrap(ctx).Writer, ctx.Header("Accept-Encoding"), string(out.body), out.etag)
			}}, nil
		})
	}
	return r
}

func jsonResponse[B any](api huma.API) *huma.Response {
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[B](), true, "")
	return &huma.Response{
		Description: http.StatusText(http.StatusOK),
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
		Headers: map[string]*huma.Param{
			"ETag": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "send it as If-None-Match to get 304 while nothing has changed"},
		},
	}
}

// serveHot authenticates and serves in one visit to Redis.
func (s *Server) serveHot(list cache.List, plain url.Values) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		ctx, gc := hc.Context(), humagin.Unwrap(hc)
		token, err := bearer(hc.Header("Authorization"))
		if err != nil {
			s.problem(ctx, err).write(gc.Writer)
			return
		}
		q := cache.Question{Token: cache.TokenHash(token)}
		cached := isPlain(gc.Request.URL.RawQuery, plain)
		if cached {
			q.List, q.IfNoneMatch = list, strings.Join(gc.Request.Header["If-None-Match"], ",")
		}
		r := s.cache.Read(ctx, q)
		exchangeFrom(ctx).reading = r
		if !cached {
			r.ListVerdict, r.Why = cache.Bypass, "variant"
		}
		switch {
		case r.Revoked:
			s.problem(ctx, invalidToken()).write(gc.Writer)
		case r.NotModified:
			describeList(gc.Writer.Header(), r.ETag)
			gc.Writer.WriteHeader(http.StatusNotModified)
			gc.Writer.WriteHeaderNow()
		case r.Body != "":
			writeList(gc.Writer, hc.Header("Accept-Encoding"), r.Body, r.ETag)
		default:
			ctx, cancel := context.WithDeadline(ctx, exchangeFrom(ctx).began.Add(s.requestTimeout))
			defer cancel()
			next(huma.WithContext(hc, context.WithValue(ctx, sessionKey{}, session{userID: r.UserID, tokenHash: q.Token})))
		}
	}
}

// isPlain reports whether a query asks for the form of a list of which copies are kept.
func isPlain(raw string, plain url.Values) bool {
	if raw == "" {
		return true
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return false
	}
	for name, values := range q {
		if len(values) != 1 || !plain.Has(name) || plain.Get(name) != values[0] {
			return false
		}
	}
	return true
}

// fromDatabase answers a hot list that the cache did not: load takes one turn.
func fromDatabase[B any](ctx context.Context, s *Server, load func(context.Context, []byte) (hotAnswer[B], error)) (rendered, error) {
	r := exchangeFrom(ctx).reading
	a, err := s.cache.Load(ctx, r, func(ctx context.Context) (cache.Answer, error) {
		got, err := load(ctx, sessionFrom(ctx).tokenHash)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return cache.Answer{}, invalidToken()
		case err != nil:
			return cache.Answer{}, err
		}
		return answer(s, got)
	})
	return rendered{body: a.Body, etag: r.ETag}, err
}

// answer is a hot list as the cache keeps it.
func answer[B any](s *Server, got hotAnswer[B]) (cache.Answer, error) {
	body, err := s.compressors.render(got.body)
	if got.residenceIDs == nil {
		got.residenceIDs = []int64{}
	}
	if s.aging > 0 && got.remake != nil && rand.IntN(2) == 0 { //nolint:gosec // chance will do
		got.validUntil = s.now().Add(s.aging)
	}
	return cache.Answer{
		User: got.user, ResidenceIDs: got.residenceIDs, Body: body, ValidUntil: got.validUntil, Remake: got.remake, Remade: got.remade,
	}, err
}

// describeList sets the headers of a list that may be kept by whoever asked,
// as long as it asks each time whether its copy still stands.
func describeList(h http.Header, etag string) headers {
	set := newHeaders(h, 6)
	set.to("Vary", "Accept-Encoding, Authorization")
	if etag != "" {
		set.to("Etag", etag)
		set.to("Cache-Control", "private, no-cache")
	}
	return set
}

func writeList(w http.ResponseWriter, accepts, body, etag string) {
	set := describeList(w.Header(), etag)
	set.to("Content-Type", "application/json")
	if acceptsGzip(accepts) {
		set.to("Content-Encoding", "gzip")
		set.to("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, body) // the status is sent; a client that has gone cannot be told anything
		return
	}
	plain, err := decompress(body)
	if err != nil {
		panic(err) // the recovery replies 500: what was kept is not what was put in
	}
	set.to("Content-Length", strconv.Itoa(len(plain)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(plain)
}
