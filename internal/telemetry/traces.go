package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

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
		if t.queue, err = t.newQueue(ctx, c); err != nil {
			return nil, err
		}
		options = append(options, sdktrace.WithSpanProcessor(t.queue))
	}
	return sdktrace.NewTracerProvider(options...), nil
}

func newResource(c Config) *resource.Resource {
	attributes := make([]attribute.KeyValue, 0, len(c.Attributes)+3)
	for name, value := range c.Attributes {
		attributes = append(attributes, attribute.String(valid(name), valid(value)))
	}
	service := c.Service
	if service == "" {
		service = "honeydue"
	}
	attributes = append(attributes,
		semconv.ServiceName(valid(service)), semconv.ServiceVersion(c.Version), semconv.VCSRefHeadRevision(c.Commit))
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

func (t *Telemetry) newQueue(ctx context.Context, c Config) (*queue, error) {
	if err := postable(c.TracesURL); err != nil {
		return nil, err
	}
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
	return newQueue(exporter, c.QueueSize, t.Registry, t.Log)
}

// Parts of a URL that the exporter leaves out without a word.
var (
	errNoPath  = errors.New("the URL for spans has no path. Add the collector's, such as /v1/traces, or / for its root")
	errNotSent = errors.New("the URL for spans has a user, a query, a fragment or an escaped slash, which would not be sent. Put a key into the headers")
)

// postable refuses a URL of which the exporter would make another one.
func postable(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the URL for spans cannot be read. Write it as http://host:4318/v1/traces") // its own text quotes the URL
	case u.Path == "":
		return errNoPath
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "":
		return errNotSent
	}
	return nil
}
