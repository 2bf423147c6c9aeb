package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

const defaultExportTimeout = 10 * time.Second

func (t *Telemetry) newProvider(ctx context.Context, c Config) (*sdktrace.TracerProvider, error) {
	sampler, err := newSampler(c)
	if err != nil {
		return nil, err
	}
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(newResource(c)), sdktrace.WithSampler(sampler)}
	if c.TracesURL != "" {
		exporter, err := t.newExporter(ctx, c)
		if err != nil {
			return nil, err
		}
		options = append(options, sdktrace.WithBatcher(exporter))
	}
	return sdktrace.NewTracerProvider(options...), nil
}

func newResource(c Config) *resource.Resource {
	attributes := make([]attribute.KeyValue, 0, len(c.Attributes)+3)
	for name, value := range c.Attributes {
		attributes = append(attributes, attribute.String(name, value))
	}
	service := c.Service
	if service == "" {
		service = "honeydue"
	}
	attributes = append(attributes,
		semconv.ServiceName(service), semconv.ServiceVersion(c.Version), semconv.VCSRefHeadRevision(c.Commit))
	return resource.NewWithAttributes(semconv.SchemaURL, attributes...)
}

// newSampler reads the standard's names. Nothing is sampled when there is nowhere to send it: ids are made all the
// same, and a parent's decision is passed on.
func newSampler(c Config) (sdktrace.Sampler, error) {
	if c.TracesURL == "" {
		return sdktrace.ParentBased(sdktrace.NeverSample()), nil
	}
	switch c.Sampler {
	case "", "parentbased_always_on":
		return sdktrace.ParentBased(sdktrace.AlwaysSample()), nil
	case "always_on":
		return sdktrace.AlwaysSample(), nil
	case "always_off":
		return sdktrace.NeverSample(), nil
	case "parentbased_always_off":
		return sdktrace.ParentBased(sdktrace.NeverSample()), nil
	case "traceidratio":
		return sdktrace.TraceIDRatioBased(c.Ratio), nil
	case "parentbased_traceidratio":
		return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Ratio)), nil
	}
	return nil, fmt.Errorf("there is no trace sampler %q", c.Sampler)
}

func (t *Telemetry) newExporter(ctx context.Context, c Config) (sdktrace.SpanExporter, error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultExportTimeout
	}
	client := otlptracehttp.NewClient(
		otlptracehttp.WithEndpointURL(c.TracesURL),
		otlptracehttp.WithHeaders(c.Headers),
		otlptracehttp.WithTimeout(timeout),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
	)
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("set up the export of spans: %w", err)
	}
	lost := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "honeydue_spans_lost_total", Help: "Spans that the collector did not take.",
	})
	if err := t.Registry.Register(lost); err != nil {
		return nil, err
	}
	return &countedExporter{SpanExporter: exporter, lost: lost, log: t.Log, now: time.Now}, nil
}

// warnEvery is how often the log says that spans are being lost; the counter knows each one.
const warnEvery = time.Minute

// countedExporter ends the errors of exports here: otherwise the SDK would hand them to its global error handler.
type countedExporter struct {
	sdktrace.SpanExporter
	lost   prometheus.Counter
	log    *slog.Logger
	now    func() time.Time
	warned atomic.Int64 // unix nanoseconds
}

func (e *countedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	e.lost.Add(float64(len(spans)))
	now, last := e.now().UnixNano(), e.warned.Load()
	if (last == 0 || now-last >= int64(warnEvery)) && e.warned.CompareAndSwap(last, now) {
		e.log.WarnContext(ctx, "spans were lost: the collector did not take them", "spans", len(spans), "error", err)
	}
	return nil
}
