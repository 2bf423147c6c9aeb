// Package telemetry sets up traces, logs and metrics for one process, and gives them to the caller as values: no
// global provider, propagator or logger is set, so two of them can live side by side in a test.
//
// Trace ids exist always, so that every reply can carry a traceparent and every log line its trace; spans are
// recorded and sent only when there is somewhere to send them.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says what is recorded, and where it goes.
type Config struct {
	Service    string // service.name; "" = honeydue
	Version    string
	Commit     string
	Attributes map[string]string // of the resource, besides these three

	// TracesURL is the OTLP/HTTP endpoint with its path; "" = spans are neither recorded nor sent. It may have no user, no
	// query and no fragment, which would not be sent.
	TracesURL string
	Headers   map[string]string // sent along with spans
	Timeout   time.Duration     // of one export; 0 = 10 s
	QueueSize int               // of spans that wait or are being sent; what comes on top is lost and counted; 0 = 2,048
	Sampler   string            // as OTEL_TRACES_SAMPLER has it; "" = parentbased_always_on
	Ratio     float64           // of the traceidratio samplers, 0 to 1

	LogWriter io.Writer // nil = nothing is logged
	LogFormat string    // json, or else text
	LogLevel  slog.Level
	Redact    func(string) string // applied to each text and error that is logged; nil = as it is
}

// Telemetry is what the rest of the program is given.
type Telemetry struct {
	Tracers    trace.TracerProvider
	Propagator propagation.TextMapPropagator // W3C: traceparent and baggage
	Registry   *prometheus.Registry
	Log        *slog.Logger

	provider *sdktrace.TracerProvider
	recorded bool
	queue    *queue // nil when spans go nowhere
}

// Setup builds a Telemetry. It connects to nothing; a collector that is down costs spans, never a start. Call
// Shutdown at the end.
func Setup(ctx context.Context, c Config) (*Telemetry, error) {
	t := &Telemetry{
		Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
		Registry:   prometheus.NewRegistry(),
		Log:        newLogger(c),
	}
	if err := t.register(c); err != nil {
		return nil, err
	}
	provider, err := t.newProvider(ctx, c)
	if err != nil {
		return nil, err
	}
	t.provider, t.Tracers, t.recorded = provider, provider, c.TracesURL != ""
	return t, nil
}

// Recorded is Tracers, or nil when spans go nowhere: who gets nil spends
// nothing on them, where a provider that never samples still costs a request
// a fifth of its time.
func (t *Telemetry) Recorded() trace.TracerProvider {
	if !t.recorded {
		return nil
	}
	return t.Tracers
}

// Tracer returns a tracer for one package; name is its import path.
func (t *Telemetry) Tracer(name string) trace.Tracer { return t.Tracers.Tracer(name) }

// Flush sends the spans that ended up to now.
func (t *Telemetry) Flush(ctx context.Context) error {
	if err := t.provider.ForceFlush(ctx); err != nil {
		return fmt.Errorf("send the last spans: %w", err)
	}
	return nil
}

// Shutdown sends the last spans, ends what runs in the background and logs how many spans were lost in all.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	err := t.provider.Shutdown(ctx)
	t.queue.logLost(ctx)
	if err != nil {
		return fmt.Errorf("send the last spans: %w", err)
	}
	return nil
}

func (t *Telemetry) register(c Config) error {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "honeydue_build_info", Help: "Always 1; the labels say which honeydue runs.",
		ConstLabels: prometheus.Labels{"version": c.Version, "commit": c.Commit},
	})
	build.Set(1)
	return errors.Join(
		t.Registry.Register(build),
		t.Registry.Register(collectors.NewGoCollector()),
		t.Registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
}
