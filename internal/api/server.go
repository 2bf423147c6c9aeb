package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/github.com/gin-gonic/gin/otelgin"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/store"
)

// DefaultRequestTimeout bounds a request as a whole. It is far above what any
// request needs, and below what a phone waits.
const DefaultRequestTimeout = 10 * time.Second

// Config is what a Server works with. DB and Cache stay the caller's to close.
type Config struct {
	DB    *store.DB
	Cache *cache.Cache
	// Log gets each failure of ours once. Its handler adds the trace id from
	// the context, as telemetry's does. Nil: nothing is logged.
	Log *slog.Logger
	// Tracer makes the requests' spans; nil makes none, and spends nothing on them.
	Tracer trace.TracerProvider
	// Propagator reads the caller's trace from the headers; nil: W3C traceparent.
	Propagator propagation.TextMapPropagator
	// Registry gets the metrics and is shown at /metrics of the admin address.
	Registry *prometheus.Registry
	// Version and Commit are told by /readyz.
	Version, Commit string
	StartedAt       time.Time // of the process, for /readyz; zero: now
	// Ablated are the decisions that an experiment has turned back, as /readyz
	// tells them. Unwarmed is S3's own part here: /readyz says yes before the
	// database was ever asked.
	Ablated        []string
	Unwarmed       bool
	Limits         Limits           // the zero value limits nothing
	TrustedProxies []netip.Prefix   // whose X-Forwarded-For is believed
	RequestTimeout time.Duration    // 0: DefaultRequestTimeout
	Now            func() time.Time // nil: time.Now
}

// Server answers the household API. It is an http.Handler.
type Server struct {
	db             *store.DB
	cache          *cache.Cache
	log            *slog.Logger
	registry       *prometheus.Registry
	passwords      *passwords
	metrics        *metrics
	health         health
	router         *gin.Engine
	routes         map[routeKey]*Route
	unslashed, hot map[string]bool // by path
	// names gives requests their trace ids where nothing records their spans.
	names           propagation.TextMapPropagator
	document        []byte
	version, commit string
	startedAt       time.Time
	ablated         []string
	limits          Limits
	trustedProxies  []netip.Prefix
	requestTimeout  time.Duration
	now             func() time.Time
	compressors     compressors
	refills         refills
	restores        restores
	// aging is how long every other board is valid, in tests only; 0: as long as it is.
	aging time.Duration
	// between stands between the steps of a write, in tests only.
	between func(ctx context.Context, step string)
}

// New makes a Server from the route table. It is not ready until SetReady.
func New(cfg Config) (*Server, error) {
	s := &Server{
		db: cfg.DB, cache: cfg.Cache, log: cfg.Log, registry: cfg.Registry,
		passwords: newPasswords(), metrics: newMetrics(cfg.DB),
		routes: map[routeKey]*Route{}, unslashed: map[string]bool{}, hot: map[string]bool{},
		refills: newRefills(), restores: newRestores(), version: cfg.Version, commit: cfg.Commit, requestTimeout: cfg.RequestTimeout, now: cfg.Now, ablated: cfg.Ablated,
		limits: cfg.Limits, trustedProxies: cfg.TrustedProxies,
	}
	if cfg.Unwarmed {
		s.health.pinged = time.Unix(0, 0) // long ago, and well
	}
	if s.requestTimeout == 0 {
		s.requestTimeout = DefaultRequestTimeout
	}
	if s.now == nil {
		s.now = time.Now
	}
	if cfg.StartedAt.IsZero() {
		cfg.StartedAt = s.now()
	}
	s.startedAt = toldTime(cfg.StartedAt)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.registry == nil {
		s.registry = prometheus.NewRegistry()
	}
	for _, c := range s.metrics.collectors() {
		if err := s.registry.Register(c); err != nil {
			return nil, fmt.Errorf("register a metric of the API: %w", err)
		}
	}
	s.router = newRouter()
	if cfg.Propagator == nil {
		cfg.Propagator = propagation.TraceContext{}
	}
	if cfg.Tracer != nil {
		s.router.Use(traceRequests(cfg))
	} else {
		s.names = cfg.Propagator
	}
	s.router.Use(s.enter)
	s.router.NoRoute(func(c *gin.Context) {
		s.refuse(c, newProblem(http.StatusNotFound, codeNoSuchRoute, "This path does not exist. See /api/docs/ for the paths that do."))
	})
	s.router.NoMethod(func(c *gin.Context) {
		if allow := c.Writer.Header().Get("Allow"); strings.Contains(allow, http.MethodGet) {
			c.Writer.Header().Set("Allow", allow+", "+http.MethodHead)
		}
		s.refuse(c, newProblem(http.StatusMethodNotAllowed, codeMethod, "This path does not accept this method. Use one of: "+c.Writer.Header().Get("Allow")+"."))
	})
	return s, s.addRoutes(Routes())
}

func newRouter() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // gin has this for the whole process only, and prints every route otherwise
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false // ServeHTTP adds the slash itself
	e.ForwardedByClientIP = false   // a header that anyone can send names nobody
	return e
}

func (s *Server) addRoutes(table []Route) error {
	document := newDocument(s.version)
	declared := declaredParameters(document)
	format := huma.Format{Marshal: encode, Unmarshal: json.Unmarshal}
	a := humagin.New(s.router, huma.Config{
		OpenAPI:       document,
		Formats:       map[string]huma.Format{"application/json": format, "json": format}, // json: whatever ends in +json
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{s.fromHuma},
	})
	for i := range table {
		r := &table[i]
		s.routes[routeKey{r.Method, ginPath(r.Path)}] = r
		if !strings.HasSuffix(r.Path, "/") {
			s.unslashed[r.Path] = true
		}
		if r.Hot {
			s.hot[r.Path] = true
		}
		r.bind(s, s.router, a)
		r.parameters = declared[r.ID]
	}
	doc, err := finishDocument(a.OpenAPI())
	s.document = doc
	return err
}

// routeKey names a route by its method and gin's pattern.
type routeKey struct{ method, path string }

// ginPath turns {id} into :id.
func ginPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

func traceRequests(cfg Config) gin.HandlerFunc {
	return otelgin.Middleware("honeydue", otelgin.WithTracerProvider(cfg.Tracer), otelgin.WithPropagators(cfg.Propagator), otelgin.WithGinFilter(traced))
}

// traced leaves the probes out: every few seconds one would bury the rest.
func traced(c *gin.Context) bool { return strings.HasPrefix(c.Request.URL.Path, "/api/") }

// enter runs inside the request's span and around everything else: it names
// the exchange's route and span, refuses what the route would ignore, and
// turns a panic into a problem.
func (s *Server) enter(c *gin.Context) {
	x := exchangeFrom(c.Request.Context())
	x.route = s.routes[routeKey{c.Request.Method, c.FullPath()}]
	x.span = trace.SpanContextFromContext(c.Request.Context())
	if traced(c) {
		s.health.lastUse.Store(s.now().UnixNano())
	}
	defer s.recovered(c)
	if x.route != nil {
		p := x.route.checkQuery(c.Request.URL.RawQuery)
		if p == nil {
			p = checkConditions(c.Request)
		}
		if p != nil {
			s.refuse(c, p)
			return
		}
	}
	c.Next()
}

func (s *Server) recovered(c *gin.Context) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause) // net/http's own way to drop a connection
	}
	p := newProblem(http.StatusInternalServerError, codeInternal, "Something failed on our side. Quote the trace_id when you report it.")
	p.cause = asPanicError(cause)
	s.refuse(c, p)
}

// refuse replies with a problem outside of an operation.
func (s *Server) refuse(c *gin.Context, p *Problem) {
	c.Abort()
	p = s.problem(c.Request.Context(), p)
	if c.Writer.Written() {
		panic(http.ErrAbortHandler) // half a reply is out: a cut connection is the only honest end
	}
	p.write(c.Writer)
}
