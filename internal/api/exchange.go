package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	// code is the problem's code if the reply is one.
	code string
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
	x, status := surround(w, r, s.requestTimeout, func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = s.slashed(r.URL.Path)
		s.router.ServeHTTP(w, r)
	})
	s.metrics.observe(x, r.Method, status)
}

// surround serves one request within an exchange and returns it with the reply's status.
func surround(w http.ResponseWriter, r *http.Request, limit time.Duration, next http.HandlerFunc) (*exchange, int) {
	x := &exchange{began: time.Now()}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	ctx, x.tally = link.WithTally(ctx)
	reply := &replyWriter{ResponseWriter: w, x: x}
	next(reply, r.WithContext(context.WithValue(ctx, exchangeKey{}, x)))
	return x, reply.status
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
	h.Set("Traceparent", x.traceparent())
	h.Set("Server-Timing", x.serverTiming(time.Since(x.began)))
	h.Set("X-Db-Turns", strconv.FormatInt(x.tally.Turns(), 10))
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store") // everything here belongs to one person
	}
	if x.reading != nil {
		h.Set("Cache-Status", cacheStatus(x.reading))
	}
}

// trace is the request's span, or a name for the request where nothing traces.
func (x *exchange) trace() trace.SpanContext {
	if !x.span.IsValid() {
		var t trace.TraceID
		var s trace.SpanID
		_, _ = rand.Read(t[:])
		_, _ = rand.Read(s[:])
		x.span = trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s})
	}
	return x.span
}

// traceparent is the W3C header, version 00.
func (x *exchange) traceparent() string {
	c := x.trace()
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String()
}

// serverTiming says where the time of the request went. app is what neither
// the pool nor the database nor Redis took.
func (x *exchange) serverTiming(wall time.Duration) string {
	acquire, db, redis := x.tally.Acquire(), x.tally.DB(), x.tally.Redis()
	app := max(0, wall-acquire-db-redis)
	var b []byte
	b = appendTiming(b, "acquire", acquire, "")
	b = appendTiming(b, "db", db, plural(x.tally.Turns(), "turn"))
	b = appendTiming(b, "redis", redis, plural(x.tally.RedisTrips(), "trip"))
	b = appendTiming(b, "app", app, "")
	return string(b)
}

func appendTiming(b []byte, name string, d time.Duration, desc string) []byte {
	if len(b) > 0 {
		b = append(b, ", "...)
	}
	b = append(b, name...)
	b = append(b, ";dur="...)
	b = strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', 3, 64)
	if desc != "" {
		b = append(b, `;desc="`...)
		b = append(b, desc...)
		b = append(b, '"')
	}
	return b
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(n, 10) + " " + noun + "s"
}

// cacheStatus is RFC 9211's header for the caches that the request asked: a
// load test proves by it what state it has measured.
func cacheStatus(r *cache.Reading) string {
	var b strings.Builder
	for _, c := range []struct {
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
