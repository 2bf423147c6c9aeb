package config

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Telemetry is the part of OpenTelemetry's standard variables that honeydue reads itself; the SDK reads the rest of
// them (batching, span limits).
type Telemetry struct {
	Disabled           bool   `env:"OTEL_SDK_DISABLED" envDefault:"false"`
	ServiceName        string `env:"OTEL_SERVICE_NAME" envDefault:"honeydue"`
	ResourceAttributes string `env:"OTEL_RESOURCE_ATTRIBUTES"`
	TracesExporter     string `env:"OTEL_TRACES_EXPORTER" envDefault:"otlp"`
	Sampler            string `env:"OTEL_TRACES_SAMPLER" envDefault:"parentbased_always_on"`
	SamplerArg         string `env:"OTEL_TRACES_SAMPLER_ARG"`

	Endpoint       string `env:"OTEL_EXPORTER_OTLP_ENDPOINT" secret:"url"`        // a base: /v1/traces is added
	TracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" secret:"url"` // taken as it is
	Headers        string `env:"OTEL_EXPORTER_OTLP_HEADERS" secret:"all"`
	TracesHeaders  string `env:"OTEL_EXPORTER_OTLP_TRACES_HEADERS" secret:"all"`
	Protocol       string `env:"OTEL_EXPORTER_OTLP_PROTOCOL" envDefault:"http/protobuf"`
	TimeoutMS      int    `env:"OTEL_EXPORTER_OTLP_TIMEOUT" envDefault:"10000"`
	QueueSize      int    `env:"OTEL_BSP_MAX_QUEUE_SIZE" envDefault:"2048"`
}

const defaultService = "honeydue" // as in the tag of ServiceName

// ParseTelemetry reads OpenTelemetry's variables.
func ParseTelemetry(e Environ) (Telemetry, error) {
	var t Telemetry
	if err := parse(e, &t); err != nil {
		return Telemetry{}, err
	}
	return t, t.Validate()
}

// Validate tells what makes no sense, all of it at once.
func (t Telemetry) Validate() error {
	problems := []error{
		oneOf("OTEL_TRACES_EXPORTER", t.TracesExporter, "otlp", "none"),
		oneOf("OTEL_TRACES_SAMPLER", t.Sampler,
			"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
		oneOf("OTEL_EXPORTER_OTLP_PROTOCOL", t.Protocol, "http/protobuf"),
		atLeast("OTEL_EXPORTER_OTLP_TIMEOUT", t.TimeoutMS, 1),
		atLeast("OTEL_BSP_MAX_QUEUE_SIZE", t.QueueSize, 1),
	}
	for _, endpoint := range []struct{ variable, value string }{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", t.Endpoint}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", t.TracesEndpoint},
	} {
		if endpoint.value == "" {
			continue
		}
		u, ok := parseURL(endpoint.value)
		switch {
		case !ok || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			problems = append(problems, &Error{endpoint.variable, "cannot be read as a URL", "Write it as http://host:4318 or https://host."})
		case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "":
			problems = append(problems, &Error{
				endpoint.variable, "has a user, a query, a fragment or an escaped slash, which would not be sent",
				"Leave it out, and put a collector's key into OTEL_EXPORTER_OTLP_HEADERS.",
			})
		case u.Path == "" && endpoint.variable == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":
			problems = append(problems, &Error{
				endpoint.variable, "has no path, and is used unchanged",
				"Add the collector's path, such as /v1/traces (or / for its root), or set OTEL_EXPORTER_OTLP_ENDPOINT, to which it is added.",
			})
		}
	}
	if _, err := t.Ratio(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// Ratio is the share of traces that a sampler by ratio keeps, 0 to 1; 1 when none is set.
func (t Telemetry) Ratio() (float64, error) {
	if t.SamplerArg == "" || !strings.HasSuffix(t.Sampler, "traceidratio") {
		return 1, nil
	}
	ratio, err := strconv.ParseFloat(t.SamplerArg, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) {
		return 0, &Error{"OTEL_TRACES_SAMPLER_ARG", "is not a share of traces", "Set it to a number from 0 to 1, such as 0.1."}
	}
	return ratio, nil
}

// TracesURL is where spans go, "" when they go nowhere.
func (t Telemetry) TracesURL() string {
	switch {
	case t.Disabled || t.TracesExporter == "none":
		return ""
	case t.TracesEndpoint != "":
		return t.TracesEndpoint
	case t.Endpoint != "":
		return strings.TrimRight(t.Endpoint, "/") + "/v1/traces"
	}
	return ""
}

// ExportHeaders are the headers sent along with spans, such as a collector's key.
func (t Telemetry) ExportHeaders() map[string]string {
	return pairs(t.Headers, t.TracesHeaders)
}

// Service is service.name by the standard's precedence: OTEL_SERVICE_NAME, then the resource's attributes, then ours.
func (t Telemetry) Service() string {
	if name := t.Attributes()["service.name"]; name != "" && t.ServiceName == defaultService {
		return name
	}
	return t.ServiceName
}

// Attributes are the resource attributes that the environment adds.
func (t Telemetry) Attributes() map[string]string { return pairs(t.ResourceAttributes) }

// Timeout bounds one export.
func (t Telemetry) Timeout() time.Duration { return time.Duration(t.TimeoutMS) * time.Millisecond }

// Log says what is logged, and how it looks.
type Log struct {
	Level  string `env:"LOG_LEVEL" envDefault:"info"`
	Format string `env:"LOG_FORMAT" envDefault:"text"`
}

// ParseLog reads the log's variables.
func ParseLog(e Environ) (Log, error) {
	var l Log
	if err := parse(e, &l); err != nil {
		return Log{}, err
	}
	l.Level, l.Format = strings.ToLower(l.Level), strings.ToLower(l.Format)
	return l, l.Validate()
}

// Validate tells what makes no sense, all of it at once.
func (l Log) Validate() error {
	return errors.Join(
		oneOf("LOG_LEVEL", l.Level, "debug", "info", "warn", "error"),
		oneOf("LOG_FORMAT", l.Format, "text", "json"),
	)
}

// SlogLevel is the least level that is logged.
func (l Log) SlogLevel() slog.Level {
	switch l.Level {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}
