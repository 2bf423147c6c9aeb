package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/honeydue/honeydue/internal/telemetry/telemetrytest"
)

func setup(t *testing.T, c Config) *Telemetry {
	t.Helper()
	tel, err := Setup(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return tel
}

func TestSpansReachTheCollectorAsOneTree(t *testing.T) {
	receiver := telemetrytest.Start(t)
	tel := setup(t, Config{
		Version: "1.2.3", Commit: "abc", TracesURL: receiver.URL,
		Headers: map[string]string{"X-Key": "k"}, Attributes: map[string]string{"deployment.environment.name": "test"},
	})
	ctx, request := tel.Tracer("test").Start(t.Context(), "GET /api/tasks/", trace.WithSpanKind(trace.SpanKindServer))
	_, query := tel.Tracer("test").Start(ctx, "task_board", trace.WithSpanKind(trace.SpanKindClient))
	query.End()
	request.End()
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	spans := receiver.Trace(request.SpanContext().TraceID().String())
	if len(spans) != 2 {
		t.Fatalf("2 spans were sent, %d arrived", len(spans))
	}
	if spans[0].Name != "task_board" || spans[0].ParentID != spans[1].SpanID || spans[1].ParentID != "" {
		t.Errorf("no tree: %+v", spans)
	}
	if spans[0].Kind != "CLIENT" || spans[1].Kind != "SERVER" {
		t.Errorf("kinds: %s, %s", spans[0].Kind, spans[1].Kind)
	}
	for name, want := range map[string]string{
		"service.name": "honeydue", "service.version": "1.2.3", "vcs.ref.head.revision": "abc", "deployment.environment.name": "test",
	} {
		if got := spans[0].Resource[name]; got != want {
			t.Errorf("resource %s = %q, want %q", name, got, want)
		}
	}
	if got := receiver.Header("X-Key"); got != "k" {
		t.Errorf("header X-Key = %q", got)
	}
}

func TestIdsExistWithoutACollector(t *testing.T) {
	tel := setup(t, Config{})
	ctx, span := tel.Tracer("test").Start(t.Context(), "request")
	defer span.End()
	if !span.SpanContext().IsValid() {
		t.Error("no trace id")
	}
	if span.IsRecording() {
		t.Error("a span is recorded that goes nowhere")
	}
	header := propagation.HeaderCarrier(http.Header{})
	tel.Propagator.Inject(ctx, header)
	if got := header.Get("traceparent"); !strings.Contains(got, span.SpanContext().TraceID().String()) {
		t.Errorf("traceparent %q", got)
	}
}

func TestTheCallersTraceGoesOn(t *testing.T) {
	tel := setup(t, Config{})
	header := propagation.HeaderCarrier(http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})
	_, span := tel.Tracer("test").Start(tel.Propagator.Extract(t.Context(), header), "request")
	defer span.End()
	if got := span.SpanContext().TraceID().String(); got != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("a new trace %s was begun", got)
	}
}

func TestSamplers(t *testing.T) {
	tests := []struct {
		sampler  string
		ratio    float64
		recorded bool
	}{
		{"", 0, true},
		{"always_on", 0, true},
		{"always_off", 0, false},
		{"parentbased_always_on", 0, true},
		{"parentbased_always_off", 0, false},
		{"traceidratio", 1, true},
		{"traceidratio", 0, false},
		{"parentbased_traceidratio", 1, true},
		{"parentbased_traceidratio", 0, false},
	}
	receiver := telemetrytest.Start(t)
	for _, tt := range tests {
		tel := setup(t, Config{TracesURL: receiver.URL, Sampler: tt.sampler, Ratio: tt.ratio})
		_, span := tel.Tracer("test").Start(t.Context(), "x")
		if span.IsRecording() != tt.recorded {
			t.Errorf("%s(%v) records: %v", tt.sampler, tt.ratio, span.IsRecording())
		}
		span.End()
	}
	if _, err := Setup(t.Context(), Config{TracesURL: receiver.URL, Sampler: "sometimes"}); err == nil {
		t.Error("an unknown sampler was accepted")
	}
}

func TestLostSpansAreCountedAndToldOnce(t *testing.T) {
	receiver := telemetrytest.Start(t)
	receiver.Answer(http.StatusBadRequest)
	var log bytes.Buffer
	tel := setup(t, Config{TracesURL: receiver.URL, LogWriter: &log})
	for range 3 {
		_, span := tel.Tracer("test").Start(t.Context(), "x")
		span.End()
		if err := tel.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := gather(t, tel)["honeydue_spans_lost_total"].GetMetric()[0].GetCounter().GetValue(); got != 3 {
		t.Errorf("%v spans counted as lost", got)
	}
	if n := strings.Count(log.String(), "spans were lost"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}

// TestSpansOfAFullQueueAreCounted: a collector that answers nobody fills the queue, and what comes then is lost and counted.
func TestSpansOfAFullQueueAreCounted(t *testing.T) {
	release := make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // it is read, and answered when the test says so
		<-release
	}))
	defer collector.Close()
	var log bytes.Buffer
	tel, err := Setup(t.Context(), Config{TracesURL: collector.URL + "/v1/traces", QueueSize: 100, Timeout: time.Minute, LogWriter: &log})
	if err != nil {
		t.Fatal(err)
	}
	const ended, queue, batch = 1000, 100, 100
	end(t, tel, ended)
	counted := func(name string) float64 { return gather(t, tel)[name].GetMetric()[0].GetCounter().GetValue() }
	if got := counted("honeydue_spans_dropped_total"); got != ended-queue-batch {
		t.Errorf("%v spans counted as dropped, want %v", got, ended-queue-batch)
	}
	if n := strings.Count(log.String(), "queue is full"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
	close(release)
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := counted("honeydue_spans_lost_total"); got != ended-queue-batch {
		t.Errorf("%v spans counted as lost, want %v", got, ended-queue-batch)
	}
	if !strings.Contains(log.String(), "spans=800 of_a_full_queue=800") {
		t.Errorf("the end does not say what was lost:\n%s", log.String())
	}
}

// TestEverySpanArrivesOrIsCounted: as many at once as the queue does not hold.
func TestEverySpanArrivesOrIsCounted(t *testing.T) {
	receiver := telemetrytest.Start(t)
	tel := setup(t, Config{TracesURL: receiver.URL})
	const ended = 12_000
	end(t, tel, ended)
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost := gather(t, tel)["honeydue_spans_lost_total"].GetMetric()[0].GetCounter().GetValue()
	if arrived := len(receiver.Spans()); arrived+int(lost) != ended || arrived == 0 {
		t.Errorf("of %d spans %d arrived and %v are counted as lost", ended, arrived, lost)
	}
}

// TestSpansThatShutdownDoesNotWaitFor are lost, and counted once.
func TestSpansThatShutdownDoesNotWaitFor(t *testing.T) {
	release := make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer collector.Close()
	defer close(release)
	tel, err := Setup(t.Context(), Config{TracesURL: collector.URL + "/"})
	if err != nil {
		t.Fatal(err)
	}
	end(t, tel, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tel.Shutdown(ctx); err == nil {
		t.Error("nothing was sent, and Shutdown says nothing")
	}
	if got := gather(t, tel)["honeydue_spans_lost_total"].GetMetric()[0].GetCounter().GetValue(); got != 3 {
		t.Errorf("%v spans counted as lost", got)
	}
}

// end begins and ends n spans.
func end(t *testing.T, tel *Telemetry, n int) {
	t.Helper()
	for range n {
		_, span := tel.Tracer("test").Start(t.Context(), "x")
		span.End()
	}
}

// TestURLsThatWouldBecomeOthers: the exporter leaves out what it does not send, and posts to another address.
func TestURLsThatWouldBecomeOthers(t *testing.T) {
	receiver := telemetrytest.Start(t)
	root := strings.TrimSuffix(receiver.URL, "/v1/traces")
	for _, bad := range []string{root, receiver.URL + "?key=canary", receiver.URL + "?", receiver.URL + "#x", root + "/a%2Fb", strings.Replace(receiver.URL, "http://", "http://u:canary@", 1), "http://[bad"} {
		if _, err := Setup(t.Context(), Config{TracesURL: bad}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, good := range []string{root + "/", receiver.URL, root + "/a/b%20c"} {
		setup(t, Config{TracesURL: good})
	}
}

// A text that is not UTF-8, wherever it stands in a span, loses neither this span nor the others of its export.
func TestTextThatIsNotUTF8IsSent(t *testing.T) {
	receiver := telemetrytest.Start(t)
	tel := setup(t, Config{TracesURL: receiver.URL, Attributes: map[string]string{"team": "x\xff"}})
	start := func(name string) trace.Span {
		_, span := tel.Tracer("test").Start(t.Context(), name)
		return span
	}
	spans := map[string]trace.Span{}
	for what, change := range map[string]func(trace.Span){
		"nothing":     func(trace.Span) {},
		"value":       func(s trace.Span) { s.SetAttributes(attribute.String("a", "x\xff"), attribute.Int("n", 1)) },
		"key":         func(s trace.Span) { s.SetAttributes(attribute.Bool("\xffa", true)) },
		"one of many": func(s trace.Span) { s.SetAttributes(attribute.StringSlice("a", []string{"x", "\xff"})) },
		"name":        func(s trace.Span) { s.SetName("x\xff") },
		"event":       func(s trace.Span) { s.AddEvent("x\xff") },
		"error":       func(s trace.Span) { s.RecordError(errors.New("x\xff")) },
		"status":      func(s trace.Span) { s.SetStatus(codes.Error, "x\xff") },
	} {
		spans[what] = start(what)
		change(spans[what])
		spans[what].End()
	}
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for what, span := range spans {
		if len(receiver.Trace(span.SpanContext().TraceID().String())) != 1 {
			t.Errorf("the span with a bad %s did not arrive", what)
		}
	}
	sent := func(what string) telemetrytest.Span {
		list := append(receiver.Trace(spans[what].SpanContext().TraceID().String()), telemetrytest.Span{})
		return list[0]
	}
	if got := sent("value").Attributes; got["a"] != "x\uFFFD" || got["n"] == "" {
		t.Errorf("attributes %q", got)
	}
	if got := sent("name").Name; got != "x\uFFFD" {
		t.Errorf("name %q", got)
	}
	if got := gather(t, tel)["honeydue_spans_lost_total"].GetMetric()[0].GetCounter().GetValue(); got != 0 {
		t.Errorf("%v spans counted as lost", got)
	}
}

func TestLogLinesCarryTheirTrace(t *testing.T) {
	var log bytes.Buffer
	tel := setup(t, Config{
		LogWriter: &log, LogFormat: "json", LogLevel: slog.LevelInfo,
		Redact: func(s string) string { return strings.ReplaceAll(s, "canary", "*****") },
	})
	ctx, span := tel.Tracer("test").Start(t.Context(), "request")
	defer span.End()
	tel.Log.DebugContext(ctx, "not shown")
	tel.Log.With("route", "board").ErrorContext(ctx, "canary in a message", "error", errors.New("canary in an error"), "text", "canary")

	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, log.String())
	}
	if line["trace_id"] != span.SpanContext().TraceID().String() || line["span_id"] != span.SpanContext().SpanID().String() {
		t.Errorf("no trace in %v", line)
	}
	if line["route"] != "board" || line["error"] != "***** in an error" {
		t.Errorf("got %v", line)
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("a secret was logged: %s", log.String())
	}
}

func TestTextLogAndNoLog(t *testing.T) {
	var log bytes.Buffer
	setup(t, Config{LogWriter: &log, LogFormat: "text"}).Log.Info("hello")
	if got := log.String(); !strings.Contains(got, "level=INFO msg=hello") || strings.Contains(got, "trace_id") {
		t.Errorf("got %q", got)
	}
	setup(t, Config{}).Log.Error("nobody hears this")
}

func TestRegistryKnowsTheBuild(t *testing.T) {
	tel := setup(t, Config{Version: "1", Commit: "c"})
	families := gather(t, tel)
	labels := map[string]string{}
	for _, l := range families["honeydue_build_info"].GetMetric()[0].GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	if labels["version"] != "1" || labels["commit"] != "c" {
		t.Errorf("labels %v", labels)
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes"} {
		if families[name] == nil {
			t.Errorf("%s is not there", name)
		}
	}
}

func gather(t *testing.T, tel *Telemetry) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := tel.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*dto.MetricFamily{}
	for _, f := range families {
		out[f.GetName()] = f
	}
	return out
}
