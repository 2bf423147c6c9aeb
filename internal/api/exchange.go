package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/link"
)

// exchange is one request and its reply: what was found out on the way, and
// the headers that say so.
type exchange struct {
	began time.Time
	tally *link.Tally
	route *Route // nil until the router has found one
	span  trace.SpanContext
	// reading is nil on routes that take no token.
	reading *cache.Reading
	// peer is the other end of the connection, header the request's: see
	// clientAddress.
	peer   string
	header http.Header
	// code is the problem's code if the reply is one.
	code  string
	reply replyWriter
}

type exchangeKey struct{}

// exchangeFrom never returns nil: code outside of a request gets one that nobody reads.
func exchangeFrom(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// ServeHTTP surrounds the router: it bounds the request, bills it, and lets no
// reply leave without its headers, those of a 404 or of a panic included.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.URL.Path = s.slashed(r.URL.Path)
	method := r.Method
	if method == http.MethodHead { // whatever answers GET answers it; net/http leaves the body out
		get := *r
		get.Method = http.MethodGet
		r = &get
	}
	limit := s.requestTimeout
	if r.Method == http.MethodGet && s.hot[r.URL.Path] {
		limit = 0 // serveHot bounds what goes to the database, and the cache its visits
	}
	x := surround(w, r, limit, s.names, s.router.ServeHTTP)
	s.metrics.observe(x, method, x.reply.status)
}

// surround serves one request within an exchange. limit 0 sets no deadline;
// names, if there is one, gives the request its trace id.
func surround(w http.ResponseWriter, r *http.Request, limit time.Duration, names propagation.TextMapPropagator, next http.HandlerFunc) *exchange {
	x := &exchange{began: time.Now(), peer: r.RemoteAddr, header: r.Header}
	x.reply = replyWriter{ResponseWriter: w, x: x}
	ctx := r.Context()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, x.began.Add(limit))
		defer cancel()
	}
	if names != nil {
		ctx, x.span = name(ctx, r.Header, names)
	}
	ctx, x.tally = link.WithTally(ctx)
	next(&x.reply, r.WithContext(context.WithValue(ctx, exchangeKey{}, x)))
	return x
}

// slashed gives a path its last slash: a redirect would cost the phone a round
// trip. Paths that the table has without one keep their form.
func (s *Server) slashed(path string) string {
	if strings.HasSuffix(path, "/") || !strings.HasPrefix(path, "/api/") || s.unslashed[path] {
		return path
	}
	return path + "/"
}

// replyWriter sets the exchange's headers at the last moment at which headers
// can be set.
type replyWriter struct {
	http.ResponseWriter
	x      *exchange
	status int // 0 until the header is written
}

// WriteHeader implements http.ResponseWriter.
func (w *replyWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
		w.x.describe(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *replyWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// WriteString implements io.StringWriter: a copy of a list is text, and goes out
// without being copied once more.
func (w *replyWriter) WriteString(s string) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return io.WriteString(w.ResponseWriter, s)
}

// Flush implements http.Flusher, which gin demands of every writer.
func (w *replyWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		if w.status == 0 {
			w.WriteHeader(http.StatusOK)
		}
		f.Flush()
	}
}

// Unwrap lets http.ResponseController find deadlines and the like.
func (w *replyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (x *exchange) describe(h http.Header) {
	set := newHeaders(h, 6)
	set.to("Traceparent", x.traceparent())
	set.to("Server-Timing", x.serverTiming(time.Since(x.began)))
	set.to("X-Db-Turns", strconv.FormatInt(x.tally.Turns(), 10))
	set.to("X-Content-Type-Options", "nosniff")
	if len(h["Cache-Control"]) == 0 {
		set.to("Cache-Control", "no-store") // everything here belongs to one person
	}
	if x.reading != nil {
		set.to("Cache-Status", cacheStatus(x.reading))
	}
}

// headers sets several headers with one allocation for all of them.
type headers struct {
	of     http.Header
	values []string
}

func newHeaders(h http.Header, most int) headers { return headers{h, make([]string, 0, most)} }

// to sets a header; name is in its canonical form.
func (h *headers) to(name, value string) {
	h.values = append(h.values, value)
	n := len(h.values)
	h.of[name] = h.values[n-1 : n : n]
}

// trace is the request's span, or a name for the request where nothing traces.
func (x *exchange) trace() trace.SpanContext {
	if !x.span.IsValid() {
		x.span = trace.NewSpanContext(trace.SpanContextConfig{TraceID: newTraceID(), SpanID: newSpanID()})
	}
	return x.span
}

// traceparent is the W3C header, version 00.
func (x *exchange) traceparent() string {
	c := x.trace()
	t, s := c.TraceID(), c.SpanID()
	b := make([]byte, 0, len("00-")+32+1+16+len("-00"))
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, t[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, s[:])
	b = append(b, '-')
	return string(hex.AppendEncode(b, []byte{byte(c.TraceFlags())}))
}

// serverTiming says where the time of the request went. app is what neither
// the pool nor the database nor Redis took. pooler-wait is there only if the
// pooler has announced a wait: it is part of db, and as long as the wait had
// lasted by then.
func (x *exchange) serverTiming(wall time.Duration) string {
	acquire, db, redis := x.tally.Acquire(), x.tally.DB(), x.tally.Redis()
	app := max(0, wall-acquire-db-redis)
	b := make([]byte, 0, 128)
	b = appendTiming(b, "acquire", acquire)
	b = appendTiming(b, ", db", db)
	b = appendCount(b, x.tally.Turns(), "turn")
	if wait, announced := x.tally.PoolerWait(); announced > 0 {
		b = appendTiming(b, ", pooler-wait", wait)
		b = appendCount(b, announced, "notice")
	}
	b = appendTiming(b, ", redis", redis)
	b = appendCount(b, x.tally.RedisTrips(), "trip")
	b = appendTiming(b, ", app", app)
	return string(b)
}

func appendTiming(b []byte, name string, d time.Duration) []byte {
	b = append(b, name...)
	b = append(b, ";dur="...)
	return strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

func appendCount(b []byte, n int64, noun string) []byte {
	b = append(b, `;desc="`...)
	b = strconv.AppendInt(b, n, 10)
	b = append(b, ' ')
	b = append(b, noun...)
	if n != 1 {
		b = append(b, 's')
	}
	return append(b, '"')
}

// cacheStatus is RFC 9211's header for the caches that the request asked: a
// load test proves by it what state it has measured.
func cacheStatus(r *cache.Reading) string {
	var b strings.Builder
	b.Grow(96)
	for _, c := range [...]struct {
		name    string
		verdict cache.Verdict
	}{
		{"token", r.Token}, {"user", r.Memory}, {"residence-ids", r.IDs}, {"list", r.ListVerdict},
	} {
		if c.verdict == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.name)
		switch c.verdict {
		case cache.Hit:
			b.WriteString("; hit")
			if c.name == "list" && r.Remade {
				b.WriteString("; detail=remade")
			}
		case cache.Miss:
			b.WriteString("; fwd=miss")
		case cache.Wrong:
			b.WriteString("; fwd=stale; detail=wrong")
		case cache.Bypass:
			b.WriteString("; fwd=bypass; detail=")
			b.WriteString(cmp.Or(r.Why, "unknown"))
		}
		if c.name == "list" && c.verdict == cache.Miss {
			switch {
			case r.Stored:
				b.WriteString("; stored")
			case r.Why != "":
				b.WriteString("; detail=" + r.Why)
			}
			if r.Collapsed {
				b.WriteString("; collapsed")
			}
		}
	}
	return b.String()
}
